#include "lib/text/piece_table.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <vector>

namespace fovea {
namespace {

TEST(PieceTable, FindsWhatWasInsertedAndNothingElse) {
  std::mt19937 random(3);
  std::map<std::string, std::int32_t> expected;
  for (std::int32_t i = 0; i < 5000; ++i) {
    std::string piece(1 + random() % 6, ' ');
    for (char& c : piece) c = static_cast<char>('a' + random() % 4);
    expected[piece] = i;
  }
  PieceTable table(expected.size());
  std::size_t longest = 0;
  for (const auto& [piece, id] : expected) {
    table.Insert(piece, id);
    longest = std::max(longest, piece.size());
  }
  EXPECT_EQ(table.longest(), longest);
  for (int i = 0; i < 20000; ++i) {
    std::string piece(random() % 8, ' ');
    for (char& c : piece) c = static_cast<char>('a' + random() % 5);
    const auto found = expected.find(piece);
    EXPECT_EQ(table.Find(piece), found == expected.end() ? PieceTable::kNone : found->second)
        << piece;
  }
}

TEST(PieceTable, MayBeEmptyAndKeepsTheLastId) {
  EXPECT_EQ(PieceTable(0).Find("a"), PieceTable::kNone);
  const std::string piece = "a";
  PieceTable table(2);
  table.Insert(piece, 1);
  table.Insert(piece, 2);
  EXPECT_EQ(table.Find("a"), 2);
}

}  // namespace
}  // namespace fovea
