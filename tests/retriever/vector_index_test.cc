#include "retriever/vector_index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <map>
#include <set>

#include "lib/base/file.h"
#include "lib/base/thread_pool.h"
#include "tests/retriever/store_fixtures.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_folder.h"

namespace fovea {
namespace {

using test::Add;
using test::AddMany;
using test::MakeDocument;
using test::OpenWithSettings;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
namespace fs = std::filesystem;

// Every vector of the store, scored in double precision, best first.
std::vector<std::pair<double, ChunkId>> BruteForce(const Store& store, std::span<const float> query,
                                                   const std::function<bool(ChunkId)>& accept) {
  std::vector<std::pair<double, ChunkId>> ranked;
  store.ForEachVector(ChunkId{0}, [&](ChunkId chunk, DocumentId, std::span<const float> vector) {
    double score = 0;
    for (std::size_t i = 0; i < vector.size(); ++i) {
      score += static_cast<double>(query[i]) * static_cast<double>(vector[i]);
    }
    if (accept(chunk)) ranked.emplace_back(score, chunk);
    return true;
  });
  std::sort(ranked.begin(), ranked.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  });
  return ranked;
}

// Those that make a store of a few hundred vectors an index of this type.
VectorIndexOptions OptionsFor(const std::string& type) {
  VectorIndexOptions options;
  if (type != "flat") options.exact_up_to = 100;
  if (type == "ivf") options.graph_up_to = 100;
  if (type == "flat_f32") options.codes = VectorCodes::kF32;
  return options;
}

bool AcceptAll(ChunkId) { return true; }

// Share of the k truly best among the hits; also checks order and scores.
double RecallAndOrder(const Store& store, const VectorIndex& index, std::span<const float> query,
                      int k) {
  const auto hits = index.Search(query, k);
  const auto truth = BruteForce(store, query, AcceptAll);
  std::map<ChunkId, double> score_of;
  for (const auto& [score, chunk] : truth) score_of[chunk] = score;
  const std::size_t wanted = std::min(static_cast<std::size_t>(k), truth.size());
  EXPECT_EQ(hits.size(), wanted);
  std::set<ChunkId> found;
  for (std::size_t i = 0; i < hits.size(); ++i) {
    EXPECT_TRUE(score_of.contains(hits[i].chunk)) << "a hit that is not in the store";
    EXPECT_NEAR(hits[i].score, score_of[hits[i].chunk], 1e-5);
    if (i > 0) {
      EXPECT_GE(hits[i - 1].score, hits[i].score);
    }
    found.insert(hits[i].chunk);
  }
  std::size_t good = 0;
  for (std::size_t i = 0; i < wanted; ++i) good += found.contains(truth[i].second) ? 1 : 0;
  return wanted == 0 ? 1 : static_cast<double>(good) / static_cast<double>(wanted);
}

struct Logged {
  std::vector<std::string> lines;
  LogCallback callback() {
    return [this](LogLevel, std::string_view line) { lines.emplace_back(line); };
  }
};

std::set<std::string> FilesIn(const fs::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("vectors.")) names.insert(name);
  }
  return names;
}

TEST(VectorIndex, AnEmptyStoreGivesNoHits) {
  const TempFolder folder;
  const VectorIndexOptions options;
  {
    auto store = Store::Open(folder.path(), Store::Mode::kWrite);
    EXPECT_FALSE(VectorIndex::Publish(*store, options, nullptr, {}));
    EXPECT_THAT(VectorIndex::Open(*store, options, nullptr, {})->Search(test::UnitVector(1), 3),
                IsEmpty());
  }
  auto store = OpenWithSettings(folder.path());
  const auto index = VectorIndex::Open(*store, options, nullptr, {});
  EXPECT_EQ(index->size(), 0);
  EXPECT_THAT(index->Search(test::UnitVector(1), 3), IsEmpty());
}

TEST(VectorIndex, FlatSearchEqualsBruteForceWhateverTheThreads) {
  const TempFolder folder;
  auto store = OpenWithSettings(folder.path());
  AddMany(*store, 500, 1);
  ThreadPool pool(3);
  EXPECT_TRUE(VectorIndex::Publish(*store, {}, &pool, {}));
  EXPECT_FALSE(VectorIndex::Publish(*store, {}, &pool, {}));
  const auto alone = VectorIndex::Open(*store, {}, nullptr, {});
  const auto together = VectorIndex::Open(*store, {}, &pool, {});
  EXPECT_EQ(alone->type(), "flat");
  EXPECT_EQ(alone->size(), 5'000);
  for (std::uint64_t q = 0; q < 20; ++q) {
    const auto query = test::UnitVector(1'000'000 + q);
    EXPECT_EQ(RecallAndOrder(*store, *alone, query, 17), 1.0);
    const auto a = alone->Search(query, 50);
    const auto b = together->Search(query, 50);
    ASSERT_EQ(a.size(), b.size());
    for (std::size_t i = 0; i < a.size(); ++i) {
      EXPECT_EQ(a[i].chunk, b[i].chunk);
      EXPECT_EQ(a[i].score, b[i].score);
    }
  }
  EXPECT_EQ(alone->Search(test::UnitVector(5), 100'000).size(), 5'000u);
  EXPECT_THAT(VectorIndex::Check(*store), IsEmpty());
}

TEST(VectorIndex, EqualScoresAreOrderedByChunk) {
  const TempFolder folder;
  auto store = OpenWithSettings(folder.path());
  store->Begin();
  for (int i = 0; i < 30; ++i) Add(*store, MakeDocument(std::to_string(i), "same", 7));
  store->Commit();
  VectorIndex::Publish(*store, {}, nullptr, {});
  store->Begin();
  for (int i = 30; i < 40; ++i) Add(*store, MakeDocument(std::to_string(i), "same", 7));
  store->Commit();
  const auto hits = VectorIndex::Open(*store, {}, nullptr, {})->Search(test::UnitVector(7), 35);
  ASSERT_EQ(hits.size(), 35u);
  for (std::size_t i = 1; i < hits.size(); ++i) EXPECT_LT(hits[i - 1].chunk, hits[i].chunk);
}

TEST(VectorIndex, RefusesQueriesThatMakeNoSense) {
  const TempFolder folder;
  auto store = OpenWithSettings(folder.path());
  AddMany(*store, 1, 1);
  const auto index = VectorIndex::Open(*store, {}, nullptr, {});
  auto query = test::UnitVector(1);
  EXPECT_ERROR(index->Search(query, 0), ErrorCode::kInvalidArgument, "k >= 1");
  query[2] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_ERROR(index->Search(query, 3), ErrorCode::kInvalidArgument, "finite");
  query.pop_back();
  EXPECT_ERROR(index->Search(query, 3), ErrorCode::kInvalidArgument, "15 dimensions");
}

TEST(VectorIndex, NewerChunksAreFoundAndDeletedOnesAreNot) {
  for (const std::string type : {"flat", "hnsw", "ivf"}) {
    const TempFolder folder;
    auto store = OpenWithSettings(folder.path());
    AddMany(*store, 200, 1);
    const VectorIndexOptions options = OptionsFor(type);
    EXPECT_TRUE(VectorIndex::Publish(*store, options, nullptr, {}));
    EXPECT_EQ(store->vector_file().type, type);
    store->Begin();
    for (int i = 0; i < 60; ++i) store->RemoveSource(std::to_string(1 + i * 10));
    Add(*store, MakeDocument("new", std::string(50, 'y'), 900'000, 10));
    store->Commit();
    // 600 deleted and 5 new ones are below the floor: the file stays.
    EXPECT_FALSE(VectorIndex::Publish(*store, options, nullptr, {}));
    const auto index = VectorIndex::Open(*store, options, nullptr, {});
    EXPECT_EQ(index->type(), type);
    EXPECT_EQ(index->size(), 1'405);
    double recall = 0;
    // Queries at deleted and at new vectors are the hard ones.
    for (std::uint64_t q = 0; q < 40; ++q) {
      recall += RecallAndOrder(*store, *index, test::UnitVector(1 + q * 13), 10);
      recall += RecallAndOrder(*store, *index, test::UnitVector(900'000 + q % 5), 10);
    }
    EXPECT_GE(recall / 80, type == "flat" ? 1.0 : 0.99);
    EXPECT_EQ(index->Search(test::UnitVector(3), 5'000).size(), 1'405u);
  }
}

TEST(VectorIndex, ItIsRebuiltOnceTooMuchIsStale) {
  const TempFolder folder;
  auto store = OpenWithSettings(folder.path());
  AddMany(*store, 100, 1);
  const VectorIndexOptions options{.stale_share = 0.1, .stale_floor = 50};
  EXPECT_TRUE(VectorIndex::Publish(*store, options, nullptr, {}));
  AddMany(*store, 10, 500'000);
  EXPECT_FALSE(VectorIndex::Publish(*store, options, nullptr, {}));
  AddMany(*store, 5, 600'000);
  EXPECT_TRUE(VectorIndex::Publish(*store, options, nullptr, {}));
  EXPECT_EQ(store->vector_file().count, 1'150);
  EXPECT_TRUE(VectorIndex::Publish(*store, options, nullptr, {}, true));
  // The file before the last stays for a reader that is about to open it; older ones go.
  EXPECT_EQ(FilesIn(folder.path()).size(), 2u);
  EXPECT_TRUE(FilesIn(folder.path()).contains(store->vector_file().file_name));
  EXPECT_THAT(VectorIndex::Check(*store), IsEmpty());
}

TEST(VectorIndex, HnswKeepsItsPromiseOfRecall) {
  const TempFolder folder;
  auto store = OpenWithSettings(folder.path());
  AddMany(*store, 300, 1, 100);
  ThreadPool pool(2);
  const VectorIndexOptions options{.exact_up_to = 1'000};
  EXPECT_TRUE(VectorIndex::Publish(*store, options, &pool, {}));
  const auto index = VectorIndex::Open(*store, options, &pool, {});
  EXPECT_EQ(index->type(), "hnsw");
  EXPECT_GE(index->recall(), 0.99);
  EXPECT_EQ(index->recall(), store->vector_file().recall);
  double recall = 0;
  for (std::uint64_t q = 0; q < 50; ++q) {
    recall += RecallAndOrder(*store, *index, test::UnitVector(2'000'000 + q), 10);
  }
  EXPECT_GE(recall / 50,
            0.98);  // the promise is for queries near stored vectors; these are anywhere
  // A filter that leaves many is answered through the graph too, with accepted chunks alone.
  const auto even = [](ChunkId chunk) { return Value(chunk) % 2 == 0; };
  std::size_t found = 0;
  for (std::uint64_t q = 0; q < 20; ++q) {
    const auto query = test::UnitVector(1 + q * 31);
    const auto truth = BruteForce(*store, query, even);
    const auto hits =
        index->Search(query, 10, [&](ChunkId chunk, DocumentId) { return even(chunk); });
    ASSERT_EQ(hits.size(), 10u);
    for (const DenseHit& hit : hits) {
      EXPECT_TRUE(even(hit.chunk));
      for (std::size_t i = 0; i < 10; ++i) found += truth[i].second == hit.chunk ? 1 : 0;
    }
  }
  EXPECT_GE(found, 196u);
  EXPECT_THAT(VectorIndex::Check(*store), IsEmpty());
  // More chunks than the next bound: lists.
  const VectorIndexOptions lists{.exact_up_to = 1'000, .graph_up_to = 2'000};
  EXPECT_TRUE(VectorIndex::Publish(*store, lists, &pool, {}));
  EXPECT_EQ(VectorIndex::Open(*store, lists, &pool, {})->type(), "ivf");
  EXPECT_GE(store->vector_file().recall, 0.99);
  EXPECT_THAT(VectorIndex::Check(*store), IsEmpty());
  // Fewer chunks than the bound: exact again.
  EXPECT_TRUE(VectorIndex::Publish(*store, {}, &pool, {}));
  EXPECT_EQ(VectorIndex::Open(*store, {}, &pool, {})->type(), "flat");
}

TEST(VectorIndex, AFilterIsAnsweredExactly) {
  for (const std::string type : {"flat", "hnsw", "ivf"}) {
    const TempFolder folder;
    auto store = OpenWithSettings(folder.path());
    AddMany(*store, 200, 1);
    const VectorIndexOptions options = OptionsFor(type);
    VectorIndex::Publish(*store, options, nullptr, {});
    const auto index = VectorIndex::Open(*store, options, nullptr, {});
    for (const int every : {1, 3, 100, 1'999}) {
      const auto keep = [every](ChunkId chunk) { return Value(chunk) % every == 0; };
      for (std::uint64_t q = 0; q < 5; ++q) {
        const auto query = test::UnitVector(70'000 + q);
        const auto truth = BruteForce(*store, query, keep);
        const auto hits =
            index->Search(query, 8, [&](ChunkId chunk, DocumentId) { return keep(chunk); });
        ASSERT_EQ(hits.size(), std::min<std::size_t>(8, truth.size()));
        for (std::size_t i = 0; i < hits.size(); ++i) EXPECT_EQ(hits[i].chunk, truth[i].second);
      }
    }
    EXPECT_THAT(index->Search(test::UnitVector(1), 3, [](ChunkId, DocumentId) { return false; }),
                IsEmpty());
  }
}

class DamagedFile : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    store_ = OpenWithSettings(folder_.path());
    AddMany(*store_, 120, 1);
    VectorIndex::Publish(*store_, options_, nullptr, {});
    file_ = folder_.path() / store_->vector_file().file_name;
    healthy_ = ReadFile(file_);
  }

  // Whatever was done to the file: it is said, the answers are right, and Publish writes it again.
  void ExpectRecovery(const std::string& what) {
    Logged opening;
    const auto index = VectorIndex::Open(*store_, options_, nullptr, opening.callback());
    EXPECT_THAT(opening.lines, Contains(HasSubstr("rebuilt in memory"))) << what;
    for (std::uint64_t q = 0; q < 5; ++q) {
      EXPECT_EQ(RecallAndOrder(*store_, *index, test::UnitVector(80'000 + q), 10), 1.0) << what;
    }
    EXPECT_FALSE(VectorIndex::Check(*store_).empty()) << what;
    Logged publishing;
    EXPECT_TRUE(VectorIndex::Publish(*store_, options_, nullptr, publishing.callback())) << what;
    EXPECT_THAT(publishing.lines, Contains(HasSubstr("rebuilding"))) << what;
    EXPECT_THAT(VectorIndex::Check(*store_), IsEmpty()) << what;
    file_ = folder_.path() / store_->vector_file().file_name;
    healthy_ = ReadFile(file_);
  }

  void Put(const std::string& bytes) { std::ofstream(file_, std::ios::binary) << bytes; }

  TempFolder folder_;
  VectorIndexOptions options_ = OptionsFor(GetParam());
  std::unique_ptr<Store> store_;
  fs::path file_;
  std::string healthy_;
};

TEST_P(DamagedFile, MissingIsNoticedAndRebuilt) {
  fs::remove(file_);
  ExpectRecovery("missing");
}

TEST_P(DamagedFile, TruncatedIsNoticedAndRebuilt) {
  for (const double share : {0.0, 0.001, 0.5, 0.999}) {
    Put(healthy_.substr(0, static_cast<std::size_t>(share * static_cast<double>(healthy_.size()))));
    ExpectRecovery("truncated");
  }
  Put(healthy_ + "x");
  ExpectRecovery("longer");
}

TEST_P(DamagedFile, OneFlippedBitIsNoticedAndRebuilt) {
  std::mt19937_64 random(11);
  for (int round = 0; round < 12; ++round) {
    std::string flipped = healthy_;
    // The header's bytes first.
    const std::size_t at =
        round < 6 ? static_cast<std::size_t>(round) * 9 : random() % flipped.size();
    flipped[at] = static_cast<char>(flipped[at] ^ (1 << (random() % 8)));
    Put(flipped);
    ExpectRecovery("flipped at " + std::to_string(at));
  }
}

TEST_P(DamagedFile, AFileOfAnotherGenerationIsNoticedAndRebuilt) {
  const std::string old = healthy_;
  AddMany(*store_, 5, 700'000);
  VectorIndex::Publish(*store_, options_, nullptr, {}, true);
  file_ = folder_.path() / store_->vector_file().file_name;
  Put(old);
  ExpectRecovery("another generation");
}

TEST_P(DamagedFile, ARecordThatPointsElsewhereIsNotFollowed) {
  VectorFileRecord record = store_->vector_file();
  record.file_name = "../../etc/passwd";
  store_->Begin();
  store_->SetVectorFile(record);
  store_->Commit();
  ExpectRecovery("outside");
}

TEST_P(DamagedFile, AFileOfAnEarlierFormatIsNoticedRebuiltAndRemoved) {
  VectorFileRecord record = store_->vector_file();
  record.file_name = "vectors." + std::to_string(record.generation) + ".faiss";
  fs::rename(file_, folder_.path() / record.file_name);
  store_->Begin();
  store_->SetVectorFile(record);
  store_->Commit();
  ExpectRecovery("earlier format");
  VectorIndex::Publish(*store_, options_, nullptr, {}, true);
  EXPECT_FALSE(fs::exists(folder_.path() / record.file_name));
}

INSTANTIATE_TEST_SUITE_P(EveryType, DamagedFile,
                         ::testing::Values("flat", "hnsw", "ivf", "flat_f32"),
                         [](const auto& type) { return std::string(type.param); });

}  // namespace
}  // namespace fovea
