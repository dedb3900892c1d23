// The store and the vector index as a state machine: random changes against a std::map and brute
// force.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "retriever/store.h"
#include "retriever/vector_index.h"
#include "tests/retriever/store_fixtures.h"
#include "tests/support/temp_folder.h"

namespace fovea {
namespace {

using test::MakeDocument;
using test::TestDocument;
using ::testing::IsEmpty;

struct ModelDocument {
  TestDocument made;
  std::string source;
};
using Model = std::map<std::string, ModelDocument>;  // by document name

class StoreModel : public ::testing::TestWithParam<std::uint64_t> {
 protected:
  StoreModel() : random_(GetParam()) { Reopen(); }

  std::size_t Below(std::size_t bound) { return static_cast<std::size_t>(random_()) % bound; }
  std::string SomeName() { return std::string("doc").append(std::to_string(Below(25))); }

  void Reopen() {
    store_.reset();
    store_ = test::OpenWithSettings(folder_.path());
  }

  // Words w0 … w19, now and then a text of several parts.
  TestDocument SomeDocument(const std::string& name) {
    const std::size_t words = Below(40) == 0 ? 30'000 : Below(60);
    std::string text;
    for (std::size_t i = 0; i < words; ++i) {
      text.append("w").append(std::to_string(Below(20))).append(i % 9 == 8 ? ".\n" : " ");
    }
    return MakeDocument(name, text, random_() % 1'000'000, 30 + Below(100) + words / 10);
  }

  void AddSome() {
    const std::string name = SomeName();
    const TestDocument made = SomeDocument(name);
    const auto old = model_.find(name);
    const std::string source = old != model_.end() ? old->second.source
                               : Below(4) == 0     ? std::string("shared")
                                                   : std::string("source of ").append(name);
    store_->PutSource({.path = source, .content_hash = "h", .size = 1, .modified_ns = 1});
    sources_.insert(source);
    store_->AddDocument(made.document, source, "h", made.NewChunks());
    model_[name] = {made, source};
  }

  void RemoveSome() {
    if (model_.empty()) return;
    const auto victim =
        std::next(model_.begin(), static_cast<std::ptrdiff_t>(Below(model_.size())));
    if (Below(2) == 0) {
      store_->RemoveDocument(store_->FindDocument(victim->first)->id);
      model_.erase(victim);
      return;
    }
    const std::string source = victim->second.source;
    store_->RemoveSource(source);
    sources_.erase(source);
    std::erase_if(model_, [&](const auto& entry) { return entry.second.source == source; });
  }

  void RenameSome() {
    if (sources_.empty()) return;
    const auto chosen =
        std::next(sources_.begin(), static_cast<std::ptrdiff_t>(Below(sources_.size())));
    const std::string from = *chosen;
    const std::string to = std::string("moved ").append(std::to_string(random_()));
    store_->RenameSource(from, to);
    sources_.erase(chosen);
    sources_.insert(to);
    for (auto& [name, document] : model_) {
      if (document.source == from) document.source = to;
    }
  }

  void ChangeInOneTransaction() {
    const Model before = model_;
    const std::set<std::string> sources_before = sources_;
    store_->Begin();
    for (std::size_t i = 0, count = 1 + Below(6); i < count; ++i) {
      const std::size_t what = Below(10);
      if (what < 6) AddSome();
      if (what >= 6 && what < 9) RemoveSome();
      if (what == 9) RenameSome();
    }
    if (Below(5) == 0) {
      model_ = before;
      sources_ = sources_before;
      // Closing forgets the open transaction as Rollback does.
      Below(2) == 0 ? store_->Rollback() : Reopen();
    } else {
      store_->Commit();
    }
  }

  void ExpectSameContents(const Store& store) {
    std::vector<std::string> names;
    std::size_t chunks = 0;
    store.ForEachDocument([&](const DocumentRecord& record) {
      names.push_back(record.name);
      return true;
    });
    ASSERT_EQ(names.size(), model_.size());
    auto name = names.begin();
    for (const auto& [expected, document] : model_) {
      ASSERT_EQ(*name++, expected);
      const auto record = store.FindDocument(expected);
      EXPECT_EQ(record->source, document.source);
      EXPECT_EQ(store.DocumentText(record->id), document.made.document.text);
      const auto stored = store.ChunksOfDocument(record->id);
      ASSERT_EQ(stored.size(), document.made.chunks.size());
      for (std::size_t i = 0; i < stored.size(); ++i) {
        EXPECT_EQ(stored[i].second.range, document.made.chunks[i].range);
        EXPECT_EQ(store.Vector(stored[i].first), document.made.vectors[i]);
      }
      chunks += stored.size();
    }
    EXPECT_EQ(static_cast<std::size_t>(store.counts().chunks), chunks);
    EXPECT_EQ(static_cast<std::size_t>(store.counts().sources), sources_.size());
  }

  // (document, begin) of what a search should and does find.
  using Place = std::pair<std::string, std::size_t>;
  static std::set<Place> PlacesOf(const Store& store, const std::vector<ChunkId>& chunks) {
    std::set<Place> places;
    for (const Passage& passage : store.Passages(chunks))
      places.emplace(passage.document, passage.range.begin);
    return places;
  }

  void ExpectSameLexicalHits(const Store& store) {
    const std::string word = std::string("w").append(std::to_string(Below(20)));
    std::set<Place> expected;
    for (const auto& [name, document] : model_) {
      for (const Chunk& chunk : document.made.chunks) {
        std::string text = " ";
        for (const char c : Slice(document.made.document.text, chunk.range)) {
          text += c == '.' || c == '\n' ? ' ' : c;
        }
        if ((text + " ").find(std::string(" ").append(word).append(" ")) != std::string::npos) {
          expected.emplace(name, chunk.range.begin);
        }
      }
    }
    std::vector<ChunkId> found;
    for (const LexicalHit& hit : store.LexicalSearch(word, 1'000'000)) found.push_back(hit.chunk);
    EXPECT_EQ(PlacesOf(store, found), expected) << word;
    EXPECT_EQ(found.size(), expected.size());
  }

  void ExpectSameDenseHits(const Store& store) {
    const auto index = VectorIndex::Open(store, options_, nullptr, {});
    const auto query = test::UnitVector(random_());
    std::vector<std::pair<double, Place>> ranked;
    for (const auto& [name, document] : model_) {
      for (std::size_t i = 0; i < document.made.chunks.size(); ++i) {
        double score = 0;
        for (std::size_t j = 0; j < query.size(); ++j) {
          score += static_cast<double>(query[j]) * static_cast<double>(document.made.vectors[i][j]);
        }
        ranked.emplace_back(-score, Place{name, document.made.chunks[i].range.begin});
      }
    }
    std::sort(ranked.begin(), ranked.end());
    ranked.resize(std::min<std::size_t>(ranked.size(), 7));
    const auto hits = index->Search(query, 7);
    ASSERT_EQ(hits.size(), ranked.size());
    for (std::size_t i = 0; i < hits.size(); ++i)
      EXPECT_NEAR(hits[i].score, -ranked[i].first, 1e-5);
    if (index->type() == "flat" && !hits.empty()) {
      EXPECT_TRUE(PlacesOf(store, {hits[0].chunk}).contains(ranked[0].second));
    }
  }

  std::mt19937_64 random_;
  TempFolder folder_;
  // Small bounds, so that every kind of file and of staleness comes up.
  VectorIndexOptions options_{.exact_up_to = 150, .stale_share = 0.3, .stale_floor = 20};
  std::unique_ptr<Store> store_;
  Model model_;
  std::set<std::string> sources_;
};

TEST_P(StoreModel, AgreesWithAMapAndBruteForce) {
  for (int round = 0; round < 60 && !HasFailure(); ++round) {
    SCOPED_TRACE(std::string("seed ")
                     .append(std::to_string(GetParam()))
                     .append(", round ")
                     .append(std::to_string(round)));
    ChangeInOneTransaction();
    if (Below(3) == 0) VectorIndex::Publish(*store_, options_, nullptr, {}, Below(8) == 0);
    if (Below(6) == 0) Reopen();
    ExpectSameContents(*store_);
    const auto reader = Store::Open(folder_.path(), Store::Mode::kRead);
    ExpectSameLexicalHits(Below(2) == 0 ? *store_ : *reader);
    ExpectSameDenseHits(Below(2) == 0 ? *store_ : *reader);
    if (round % 10 == 9) {
      EXPECT_THAT(reader->Check(), IsEmpty());
      EXPECT_THAT(store_->Check(), IsEmpty());
      EXPECT_THAT(VectorIndex::Check(*store_), IsEmpty());
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, StoreModel, ::testing::Range<std::uint64_t>(1, 9));

}  // namespace
}  // namespace fovea
