// LexicalSearch against BM25 computed by hand, and against hostile queries.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "retriever/glob.h"
#include "retriever/store.h"
#include "tests/retriever/store_fixtures.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_folder.h"

namespace fovea {
namespace {

using test::Add;
using test::MakeDocument;
using test::OpenWithSettings;
using ::testing::IsEmpty;

// One chunk a text, without title and heading, so that the postings are the words of the text
// alone.
void AddTexts(Store& store, const std::vector<std::string>& texts) {
  store.Begin();
  for (std::size_t i = 0; i < texts.size(); ++i) {
    auto made = MakeDocument(std::to_string(i), texts[i], i + 1, texts[i].size());
    made.document.title.clear();
    made.chunks[0].heading.clear();
    Add(store, made);
  }
  store.Commit();
}

std::vector<std::string> Words(const std::string& text) {
  std::vector<std::string> words(1);
  for (const char c : text) {
    if (c != ' ') {
      words.back() += c;
    } else if (!words.back().empty()) {
      words.emplace_back();
    }
  }
  if (words.back().empty()) words.pop_back();
  return words;
}

// Robertson and Zaragoza 2009, k1 = 1.2, b = 0.75; an inverse document frequency that is not
// positive counts as 1e-6 (FTS5).
double Bm25(const std::vector<std::string>& texts, std::size_t of, const std::string& query) {
  double average = 0;
  for (const auto& text : texts) average += static_cast<double>(Words(text).size());
  average /= static_cast<double>(texts.size());
  double score = 0;
  for (const std::string& term : Words(query)) {
    double holders = 0;
    for (const auto& text : texts) {
      const auto words = Words(text);
      holders += std::count(words.begin(), words.end(), term) > 0 ? 1 : 0;
    }
    const auto words = Words(texts[of]);
    const auto frequency = static_cast<double>(std::count(words.begin(), words.end(), term));
    double idf = std::log((static_cast<double>(texts.size()) - holders + 0.5) / (holders + 0.5));
    if (idf <= 0) idf = 1e-6;
    const double length = static_cast<double>(words.size()) / average;
    score += idf * frequency * 2.2 / (frequency + 1.2 * (0.25 + 0.75 * length));
  }
  return score;
}

TEST(LexicalSearch, ScoresAreBm25) {
  const TempFolder folder;
  auto store = OpenWithSettings(folder.path());
  const std::vector<std::string> texts = {"cat dog cat bird",
                                          "dog fox",
                                          "bird bird bird bird bird bird cat",
                                          "fox fox dog wolf",
                                          "wolf deer elk mole",
                                          "mole",
                                          "deer deer cat",
                                          "elk"};
  AddTexts(*store, texts);
  for (const std::string query : {"cat", "cat fox", "bird wolf mole", "dog elk deer fox"}) {
    std::map<std::int64_t, double> expected;
    for (std::size_t i = 0; i < texts.size(); ++i) {
      const double score = Bm25(texts, i, query);
      if (score > 0) expected[static_cast<std::int64_t>(i) + 1] = score;
    }
    const auto hits = store->LexicalSearch(query, 100);
    ASSERT_EQ(hits.size(), expected.size()) << query;
    for (std::size_t i = 0; i < hits.size(); ++i) {
      EXPECT_NEAR(hits[i].score, expected[Value(hits[i].chunk)], 1e-5) << query;
      if (i > 0) {
        EXPECT_GE(hits[i - 1].score, hits[i].score);
      }
    }
    const auto best = store->LexicalSearch(query, 2);
    ASSERT_EQ(best.size(), 2u);
    EXPECT_EQ(best[1].chunk, hits[1].chunk);
  }
}

TEST(LexicalSearch, WordsAreStemmedFoldedAndSplitLikeTheTexts) {
  const TempFolder folder;
  auto store = OpenWithSettings(folder.path());
  AddTexts(*store, {"Partial indexes are made by CREATE INDEX", "Crème brûlée", "foo_bar::baz(42)",
                    "наука и жизнь", "nothing of the kind"});
  const auto first = [&](std::string_view query) {
    const auto hits = store->LexicalSearch(query, 1);
    return hits.empty() ? 0 : Value(hits[0].chunk);
  };
  EXPECT_EQ(first("indexing partially"), 1);
  EXPECT_EQ(first("CREME brulee"), 2);
  EXPECT_EQ(first("baz"), 3);
  EXPECT_EQ(first("foo-bar"), 3);
  EXPECT_EQ(first("НАУКА"), 4);
  EXPECT_EQ(first("zebra"), 0);
}

TEST(LexicalSearch, AQueryOfStopWordsAloneStillFindsThem) {
  const TempFolder folder;
  auto store = OpenWithSettings(folder.path());
  AddTexts(*store, {"to be or not to be", "walrus", "penguin", "whale", "seal"});
  EXPECT_EQ(store->LexicalSearch("To be or not?", 5).size(), 1u);
  EXPECT_EQ(Value(store->LexicalSearch("what is a walrus", 5).at(0).chunk), 2);
}

TEST(LexicalSearch, EqualScoresAreOrderedByChunk) {
  const TempFolder folder;
  auto store = OpenWithSettings(folder.path());
  AddTexts(*store, std::vector<std::string>(20, "the same words"));
  const auto hits = store->LexicalSearch("same words", 15);
  ASSERT_EQ(hits.size(), 15u);
  for (std::size_t i = 0; i < hits.size(); ++i) EXPECT_EQ(Value(hits[i].chunk), i + 1);
}

TEST(LexicalSearch, NoQueryIsSyntax) {
  const TempFolder folder;
  auto store = OpenWithSettings(folder.path());
  AddTexts(*store, {"walrus and near words", "penguin text"});
  for (const std::string_view query : {"\"",
                                       "\"\"\"",
                                       "walrus\"",
                                       "'",
                                       "NEAR(walrus penguin, 2)",
                                       "walrus AND",
                                       "OR",
                                       "NOT",
                                       "(",
                                       ")",
                                       "walrus*",
                                       "text:",
                                       "text : walrus",
                                       "^walrus",
                                       "{text} : x",
                                       "-walrus",
                                       "+",
                                       "a + b",
                                       "--",
                                       ";",
                                       "postings:walrus",
                                       "\\",
                                       "?1",
                                       "%s",
                                       "\xff\xfe walrus",
                                       "\xed\xa0\x80",
                                       "\xf4\x90\x80\x80"}) {
    EXPECT_NO_THROW(store->LexicalSearch(query, 5)) << query;
  }
  EXPECT_THAT(store->LexicalSearch("", 5), IsEmpty());
  EXPECT_THAT(store->LexicalSearch(" \t\n.,;", 5), IsEmpty());
  EXPECT_EQ(store->LexicalSearch("\"walrus\" NOT walrus", 5).size(), 1u);
  EXPECT_EQ(store->LexicalSearch(std::string_view("pen\0guin walrus", 15), 5).size(), 1u);
  EXPECT_EQ(store->LexicalSearch("penguin* \xff", 5).size(), 1u);
  EXPECT_ERROR(store->LexicalSearch("walrus", 0), ErrorCode::kInvalidArgument, "k >= 1");
}

TEST(LexicalSearch, HugeQueriesAreAnswered) {
  const TempFolder folder;
  auto store = OpenWithSettings(folder.path());
  AddTexts(*store, {"walrus", "penguin"});
  std::string many = "walrus ";
  for (int i = 0; many.size() < 1'000'000; ++i)
    many.append("w").append(std::to_string(i)).append(" ");
  EXPECT_EQ(store->LexicalSearch(many, 5).size(), 1u);
  EXPECT_THAT(store->LexicalSearch(std::string(1'000'000, 'a'), 5), IsEmpty());
  EXPECT_THAT(store->LexicalSearch(std::string(1'000'000, '"'), 5), IsEmpty());
  EXPECT_THAT(store->LexicalSearch(std::string(1'000'000, '\0'), 5), IsEmpty());
  std::string bytes;
  for (int i = 0; i < 100'000; ++i) bytes += static_cast<char>(i * 7919 % 256);
  EXPECT_NO_THROW(store->LexicalSearch(bytes, 5));
}

TEST(MatchesGlob, FollowsTheRulesOfSqlite) {
  EXPECT_TRUE(MatchesGlob("*.md", "a/b/c.md"));
  EXPECT_TRUE(MatchesGlob("docs/*", "docs/"));
  EXPECT_TRUE(MatchesGlob("?[a-c]", "éb"));
  EXPECT_TRUE(MatchesGlob("[^x]", "y"));
  EXPECT_FALSE(MatchesGlob("*.MD", "c.md"));
  EXPECT_FALSE(MatchesGlob("[a", "a"));
  EXPECT_FALSE(MatchesGlob("", "a"));
  EXPECT_TRUE(MatchesGlob("", ""));
}

}  // namespace
}  // namespace fovea
