#include "retriever/searcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "lib/base/thread_pool.h"
#include "lib/reader/embedding_reader.h"
#include "retriever/indexer.h"
#include "tests/support/expect_error.h"
#include "tests/support/models.h"
#include "tests/support/temp_folder.h"

namespace fovea {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Prefers the passage whose text is alphabetically last, as far as it does not say "none".
class LastTextReader final : public Reader {
 public:
  explicit LastTextReader(float none = 0) : none_(none) {}
  using Reader::Read;
  Reading Read(std::string_view, std::span<const ReaderInput> passages, const ReadOptions&,
               ThreadPool*) const override {
    seen = passages.size();
    Reading reading;
    reading.none_weight = none_;
    for (const ReaderInput& input : passages) {
      float weight = 0.99f * (1 - none_);
      for (const ReaderInput& other : passages) {
        if (other.passage->text > input.passage->text) weight /= 100;
      }
      reading.passages.push_back({.weight = weight, .sentences = {}, .tokens = {}});
    }
    return reading;
  }
  float abstain_threshold() const override { return 0.5f; }
  std::string name() const override { return "last text"; }

  mutable std::size_t seen = 0;

 private:
  float none_;
};

class SearcherTest : public ::testing::Test {
 protected:
  SearcherTest() : index_(folder_.path() / "index") {
    Put("cats.txt", "A cat is a small animal that purrs.");
    Put("dogs.txt", "A dog is a loyal companion who barks at strangers.");
    Put("ships.txt", "The vessel crossed the ocean in a storm.");
    Put("bread.txt", "Knead the dough, let it rise, and bake the loaf.");
    Put("stars.txt", "The astronomer watched a distant galaxy.");
    Update();
  }

  void Put(const std::string& name, const std::string& text) {
    folder_.Write("docs/" + name, text);
  }
  void Update() {
    const auto store = Store::Open(index_, Store::Mode::kWrite);
    Indexer(*store, TestEncoder(), {}, &pool_).Add({folder_.path() / "docs"});
  }
  static std::vector<std::string> Names(const std::vector<Hit>& hits) {
    std::vector<std::string> names;
    for (const Hit& hit : hits)
      names.push_back(std::filesystem::path(hit.passage.document).filename().string());
    return names;
  }
  static SearchOptions Options(SearchMode mode, int k = 10) {
    SearchOptions options;
    options.mode = mode;
    options.k = k;
    return options;
  }

  TempFolder folder_;
  std::filesystem::path index_;
  ThreadPool pool_{2};
};

TEST_F(SearcherTest, DenseFindsMeaningWithoutSharedWords) {
  const Searcher searcher(index_, TestEncoder(), nullptr, &pool_);
  const auto hits = searcher.Search("kitten", Options(SearchMode::kDense, 2));
  ASSERT_EQ(hits.size(), 2u);
  EXPECT_EQ(Names(hits)[0], "cats.txt");
  EXPECT_EQ(hits[0].dense_rank, 1);
  EXPECT_EQ(hits[1].dense_rank, 2);
  EXPECT_FALSE(hits[0].lexical_rank.has_value());
  EXPECT_GT(hits[0].score, hits[1].score);
  EXPECT_EQ(hits[0].passage.text, "A cat is a small animal that purrs.");
}

TEST_F(SearcherTest, LexicalFindsStemsOnly) {
  const Searcher searcher(index_, TestEncoder(), nullptr, &pool_);
  EXPECT_THAT(Names(searcher.Search("barking", Options(SearchMode::kLexical))),
              ElementsAre("dogs.txt"));
  EXPECT_THAT(searcher.Search("kitten", Options(SearchMode::kLexical)), IsEmpty());
}

TEST_F(SearcherTest, HybridKnowsBothScoresOfEveryHit) {
  const Searcher searcher(index_, TestEncoder(), nullptr, &pool_);
  const auto hits = searcher.Search("a companion that barks", Options(SearchMode::kHybrid));
  ASSERT_EQ(hits.size(), 5u);
  EXPECT_EQ(Names(hits)[0], "dogs.txt");
  EXPECT_EQ(hits[0].dense_rank, 1);
  EXPECT_EQ(hits[0].lexical_rank, 1);
  EXPECT_NEAR(hits[0].score, 0.7 * static_cast<double>(*hits[0].dense_score) + 0.3, 1e-6);
  for (const Hit& hit : hits) EXPECT_TRUE(hit.dense_score.has_value());
  EXPECT_TRUE(std::is_sorted(hits.begin(), hits.end(),
                             [](const Hit& a, const Hit& b) { return a.score > b.score; }));
  EXPECT_EQ(searcher.Search("a companion that barks", Options(SearchMode::kHybrid, 2)).size(), 2u);
}

TEST_F(SearcherTest, ReadReordersTheFirstAndKeepsTheRestBehind) {
  const LastTextReader reader;
  const Searcher searcher(index_, TestEncoder(), &reader, &pool_);
  SearchOptions options = Options(SearchMode::kRead);
  options.read_passages = 3;
  const auto hybrid = searcher.Search("a storm at sea", Options(SearchMode::kHybrid));
  const auto read = searcher.Search("a storm at sea", options);
  ASSERT_EQ(read.size(), 5u);
  EXPECT_EQ(reader.seen, 3u);
  std::vector<std::string> first = Names(hybrid);
  const std::vector<std::string> rest(first.begin() + 3, first.end());
  first.resize(3);
  std::vector<std::string> read_names = Names(read);
  EXPECT_EQ(std::vector<std::string>(read_names.begin() + 3, read_names.end()), rest);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(read[static_cast<std::size_t>(i)].weight.has_value());
  EXPECT_FALSE(read[3].weight.has_value());
  EXPECT_GT(read[0].passage.text, read[1].passage.text);
  EXPECT_GT(read[1].passage.text, read[2].passage.text);
  std::sort(first.begin(), first.end());
  std::sort(read_names.begin(), read_names.begin() + 3);
  EXPECT_TRUE(std::equal(first.begin(), first.end(), read_names.begin()));
}

TEST_F(SearcherTest, WhereTheReaderHasNoOpinionTheOrderStays) {
  const LastTextReader reader(1);
  const Searcher searcher(index_, TestEncoder(), &reader, &pool_);
  const auto names = [&](SearchMode mode) {
    return Names(searcher.Search("a storm at sea", Options(mode)));
  };
  EXPECT_EQ(names(SearchMode::kRead), names(SearchMode::kHybrid));
}

TEST_F(SearcherTest, ReadTakesTheBestOfAllThatWasReadThoughFewerAreWanted) {
  const LastTextReader reader;
  const Searcher searcher(index_, TestEncoder(), &reader, &pool_);
  SearchOptions options = Options(SearchMode::kRead, 1);
  options.read_passages = 5;
  EXPECT_THAT(Names(searcher.Search("animal", options)), ElementsAre("ships.txt"));
}

TEST_F(SearcherTest, TheFirstReaderReadsWhatWasFound) {
  const EmbeddingReader reader(TestEncoder());
  const Searcher searcher(index_, TestEncoder(), &reader, &pool_);
  const auto hits = searcher.Search("Which animal purrs?", Options(SearchMode::kRead, 3));
  ASSERT_FALSE(hits.empty());
  EXPECT_EQ(Names(hits)[0], "cats.txt");
}

TEST_F(SearcherTest, AFilterHoldsInEveryMode) {
  const LastTextReader reader;
  const Searcher searcher(index_, TestEncoder(), &reader, &pool_);
  for (const SearchMode mode :
       {SearchMode::kDense, SearchMode::kLexical, SearchMode::kHybrid, SearchMode::kRead}) {
    SearchOptions options = Options(mode);
    options.document_glob = "*/s*.txt";
    const auto names = Names(searcher.Search("the galaxy and a cat in a storm", options));
    EXPECT_EQ(std::set<std::string>(names.begin(), names.end()),
              (std::set<std::string>{"ships.txt", "stars.txt"}))
        << Name(mode);
    options.document_glob = "nothing*";
    EXPECT_THAT(searcher.Search("galaxy", options), IsEmpty()) << Name(mode);
  }
}

TEST_F(SearcherTest, SeesWhatAnotherHandHasCommitted) {
  const Searcher searcher(index_, TestEncoder(), nullptr, &pool_);
  EXPECT_THAT(searcher.Search("volcano", Options(SearchMode::kLexical)), IsEmpty());
  Put("volcano.txt", "The volcano erupted and lava flowed.");
  std::filesystem::remove(folder_.path() / "docs/cats.txt");
  Update();
  EXPECT_EQ(Names(searcher.Search("volcano", Options(SearchMode::kHybrid)))[0], "volcano.txt");
  EXPECT_EQ(Names(searcher.Search("volcano", Options(SearchMode::kDense)))[0], "volcano.txt");
  const auto names = Names(searcher.Search("cat", Options(SearchMode::kDense)));
  EXPECT_EQ(std::count(names.begin(), names.end(), "cats.txt"), 0);
}

TEST_F(SearcherTest, RefusesEmptyQueriesNoHitsAndModesWithoutReader) {
  const Searcher searcher(index_, TestEncoder(), nullptr, &pool_);
  EXPECT_ERROR(searcher.Search(" \n", Options(SearchMode::kHybrid)), ErrorCode::kInvalidArgument,
               "empty");
  EXPECT_ERROR(searcher.Search("x", Options(SearchMode::kHybrid, 0)), ErrorCode::kInvalidArgument,
               "k >= 1");
  EXPECT_ERROR(searcher.Search("x", Options(SearchMode::kRead)), ErrorCode::kInvalidArgument,
               "reader");
}

TEST_F(SearcherTest, SymbolsAndControlCharactersAreAQueryLikeAnyOther) {
  const Searcher searcher(index_, TestEncoder(), nullptr, &pool_);
  for (const std::string query : {"\" OR *", "a AND (b", "NEAR(", "\xff\xfe", "\x01", "🦊",
                                  "'; DROP TABLE documents; --"}) {
    EXPECT_LE(searcher.Search(query, Options(SearchMode::kHybrid)).size(), 5u) << query;
  }
}

TEST_F(SearcherTest, AnIndexOfAnotherModelIsRefusedByName) {
  const std::filesystem::path other = folder_.path() / "other";
  {
    const auto store = Store::Open(other, Store::Mode::kWrite);
    store->Begin();
    store->SetSettings({.embedder = "some-other-model",
                        .embedder_fingerprint = "feed",
                        .precision = "f32",
                        .dimensions = 384,
                        .chunk_tokens = 160,
                        .chunk_overlap = 32});
    store->Commit();
  }
  EXPECT_ERROR(Searcher(other, TestEncoder(), nullptr, &pool_), ErrorCode::kMismatch,
               "some-other-model");
}

TEST_F(SearcherTest, AMissingIndexIsAnErrorAndAnEmptyOneHasNoHits) {
  EXPECT_ERROR(Searcher(folder_.path() / "nowhere", TestEncoder(), nullptr, &pool_),
               ErrorCode::kNotFound, "nowhere");
  const std::filesystem::path empty = folder_.path() / "empty";
  Store::Open(empty, Store::Mode::kWrite);
  const Searcher searcher(empty, TestEncoder(), nullptr, &pool_);
  EXPECT_THAT(searcher.Search("cat", Options(SearchMode::kHybrid)), IsEmpty());
}

TEST(SearchModes, NamesGoBothWays) {
  for (const SearchMode mode :
       {SearchMode::kDense, SearchMode::kLexical, SearchMode::kHybrid, SearchMode::kRead}) {
    EXPECT_EQ(ParseSearchMode(Name(mode)), mode);
  }
  EXPECT_ERROR(ParseSearchMode("fuzzy"), ErrorCode::kInvalidArgument, "fuzzy");
}

}  // namespace
}  // namespace fovea
