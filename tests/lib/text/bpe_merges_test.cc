#include "lib/text/bpe_merges.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <utility>
#include <vector>

namespace fovea {
namespace {

using Table = std::map<std::pair<int, int>, BpeMerges::Merge>;

// The definition: merge the pair of lowest rank, the leftmost of them, until none is left.
std::vector<std::pair<int, unsigned>> Reference(const Table& table,
                                                const std::vector<int>& tokens) {
  std::vector<std::pair<int, unsigned>> word;
  for (const int token : tokens) word.emplace_back(token, 1u);
  for (;;) {
    std::size_t best = word.size();
    BpeMerges::Merge merge;
    for (std::size_t i = 0; i + 1 < word.size(); ++i) {
      const auto found = table.find({word[i].first, word[i + 1].first});
      if (found != table.end() && found->second.rank < merge.rank) {
        merge = found->second;
        best = i;
      }
    }
    if (best == word.size()) return word;
    word[best] = {merge.token, word[best].second + word[best + 1].second};
    word.erase(word.begin() + static_cast<std::ptrdiff_t>(best) + 1);
  }
}

TEST(BpeMerger, EqualsTheDefinitionOnWordsOfAnyLength) {
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    Table table;
    BpeMerges merges(40);
    for (int rank = 0; rank < 40; ++rank) {
      const std::pair<int, int> pair(static_cast<int>(random() % 12),
                                     static_cast<int>(random() % 12));
      const BpeMerges::Merge merge{rank, static_cast<int>(random() % 12)};
      table.emplace(pair, merge);
      merges.Insert(pair.first, pair.second, merge);
    }
    BpeMerger merger(merges);
    for (const std::size_t length : {0, 1, 2, 3, 7, 23, 24, 25, 26, 60, 200}) {
      std::vector<int> tokens;
      std::vector<BpeMerger::Symbol> symbols;
      for (std::size_t i = 0; i < length; ++i) {
        tokens.push_back(random() % 20 == 0 ? -1 : static_cast<int>(random() % 4));
        symbols.push_back({tokens.back(), 1});
      }
      merger.Run(symbols);
      const auto expected = Reference(table, tokens);
      ASSERT_EQ(symbols.size(), expected.size());
      for (std::size_t i = 0; i < symbols.size(); ++i) {
        EXPECT_EQ(symbols[i].token, expected[i].first);
        EXPECT_EQ(symbols[i].bytes, expected[i].second);
      }
    }
  }
}

TEST(BpeMerges, FindsNothingInAnEmptyTableAndKeepsTheFirstRank) {
  EXPECT_EQ(BpeMerges(0).Find(1, 2).rank, BpeMerges::kNoRank);
  BpeMerges merges(2);
  merges.Insert(1, 2, {5, 9});
  merges.Insert(1, 2, {6, 8});
  EXPECT_EQ(merges.Find(1, 2).rank, 5);
  EXPECT_EQ(merges.Find(1, 2).token, 9);
  EXPECT_EQ(merges.Find(2, 1).rank, BpeMerges::kNoRank);
}

// Quadratic merging of a million symbols would take hours.
TEST(BpeMerger, MergesAMillionSymbols) {
  BpeMerges merges(20);
  for (int i = 0; i < 20; ++i) merges.Insert(i, i, {i, i + 1});
  std::vector<BpeMerger::Symbol> symbols(1 << 20, {0, 1});
  BpeMerger(merges).Run(symbols);
  ASSERT_EQ(symbols.size(), 1u);
  EXPECT_EQ(symbols[0].token, 20);
  EXPECT_EQ(symbols[0].bytes, 1u << 20);
}

}  // namespace
}  // namespace fovea
