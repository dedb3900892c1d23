#include "lib/reader/cross_attention_reader.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <numeric>

#include "lib/base/thread_pool.h"
#include "tests/support/expect_error.h"
#include "tests/support/models.h"
#include "tests/support/temp_folder.h"
#include "tests/support/test_reader.h"

namespace fovea {
namespace {

class MemoryCache final : public PassageStateCache {
 public:
  std::vector<std::optional<RowCodes>> Get(std::span<const std::string> keys) override {
    std::vector<std::optional<RowCodes>> found(keys.size());
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const auto at = entries.find(keys[i]);
      if (at == entries.end()) continue;
      found[i] = at->second;
      ++hits;
    }
    return found;
  }
  void Put(std::span<const std::string> keys, std::span<const RowCodes> states) override {
    for (std::size_t i = 0; i < keys.size(); ++i) entries[keys[i]] = states[i];
  }

  std::map<std::string, RowCodes> entries;
  int hits = 0;
};

// Random heads on the embedder's own layers.
class CrossAttentionReaderTest : public ::testing::Test {
 protected:
  CrossAttentionReaderTest() {
    const auto network = RandomReader(TestEncoder(), TestEmbedderFolder(), {}, 3);
    WriteReader(*network, path_);
    std::string longer;
    for (int i = 0; i < 60; ++i) longer += "Rye bread number " + std::to_string(i) + " rises. ";
    for (const auto& [title, text] : std::vector<std::pair<std::string, std::string>>{
             {"Lighthouses", "The tower of Harrow Point was finished in 1871. Its lamp burns oil."},
             {"Bees", "A queen bee lays eggs all summer."},
             {"", longer}}) {
      Passage& passage = passages_.emplace_back();
      passage.title = title;
      passage.text = text;
    }
    for (const Passage& passage : passages_) inputs_.push_back({&passage, 0.5f, 3.0f});
  }
  CrossAttentionReader Reader(Precision precision = Precision::kInt8) const {
    return {path_, TestEncoder(), nullptr, precision};
  }
  static void ExpectSame(const Reading& a, const Reading& b) {
    EXPECT_EQ(a.none_weight, b.none_weight);
    ASSERT_EQ(a.passages.size(), b.passages.size());
    for (std::size_t p = 0; p < a.passages.size(); ++p) {
      EXPECT_EQ(a.passages[p].weight, b.passages[p].weight);
      ASSERT_EQ(a.passages[p].tokens.size(), b.passages[p].tokens.size());
      for (std::size_t t = 0; t < a.passages[p].tokens.size(); ++t) {
        EXPECT_EQ(a.passages[p].tokens[t].start, b.passages[p].tokens[t].start);
        EXPECT_EQ(a.passages[p].tokens[t].end, b.passages[p].tokens[t].end);
      }
    }
    ASSERT_EQ(a.spans.size(), b.spans.size());
    for (std::size_t s = 0; s < a.spans.size(); ++s) {
      EXPECT_EQ(a.spans[s].range, b.spans[s].range);
      EXPECT_EQ(a.spans[s].score, b.spans[s].score);
    }
  }

  static constexpr const char* kQuestion = "When was the tower finished?";
  TempFolder folder_;
  std::filesystem::path path_ = folder_.path() / "reader.safetensors";
  std::vector<Passage> passages_;
  std::vector<ReaderInput> inputs_;
};

TEST_F(CrossAttentionReaderTest, WeightsSumToOneAndTokensCoverEveryPassage) {
  for (const Precision precision : {Precision::kInt8, Precision::kF32}) {
    const Reading reading = Reader(precision).Read(kQuestion, inputs_, nullptr);
    double total = static_cast<double>(reading.none_weight);
    for (std::size_t p = 0; p < passages_.size(); ++p) {
      total += static_cast<double>(reading.passages[p].weight);
      EXPECT_EQ(reading.passages[p].tokens.size(),
                TestEncoder().tokenizer().EncodeIds(passages_[p].text).size() - 2);
    }
    // A float's rounding of each of some hundred weights.
    EXPECT_NEAR(total, 1, 1e-5);
    EXPECT_FALSE(reading.spans.empty());
  }
}

TEST_F(CrossAttentionReaderTest, TheNumberOfThreadsDoesNotMatter) {
  const CrossAttentionReader reader = Reader();
  const Reading alone = reader.Read(kQuestion, inputs_, nullptr);
  for (const int threads : {1, 2, 3}) {
    ThreadPool pool(threads);
    ExpectSame(reader.Read(kQuestion, inputs_, &pool), alone);
  }
}

TEST_F(CrossAttentionReaderTest, ACacheChangesNothing) {
  CrossAttentionReader reader = Reader();
  const Reading without = reader.Read(kQuestion, inputs_, nullptr);
  MemoryCache cache;
  reader.UseCache(&cache);
  ExpectSame(reader.Read(kQuestion, inputs_, nullptr), without);
  EXPECT_EQ(cache.hits, 0);
  const auto windows = static_cast<int>(cache.entries.size());
  EXPECT_GT(windows, 3);  // The longest passage has several.
  ExpectSame(reader.Read(kQuestion, inputs_, nullptr), without);
  EXPECT_EQ(cache.hits, windows);
  EXPECT_EQ(static_cast<int>(cache.entries.size()), windows);
  // Some there and some not.
  cache.entries.erase(cache.entries.begin());
  ExpectSame(reader.Read(kQuestion, inputs_, nullptr), without);
}

TEST_F(CrossAttentionReaderTest, TheRetrievalWeightLowersWhatRetrievalFoundLessFitting) {
  const auto network = RandomReader(TestEncoder(), TestEmbedderFolder(), {}, 3);
  inputs_[0].dense_score = 0.7f;  // The others have 0.5.
  const Reading plain = Reader().Read(kQuestion, inputs_, nullptr);
  WriteReader(*network, path_, ReaderFileType::kInt8, 4.0f);
  const Reading weighed = Reader().Read(kQuestion, inputs_, nullptr);
  // The fits of the others are 4 · 0.2 lower, and the best one's is what it was.
  for (const std::size_t p : {1, 2}) {
    EXPECT_NEAR(
        weighed.passages[p].tokens[0].start / weighed.passages[0].tokens[0].start,
        plain.passages[p].tokens[0].start / plain.passages[0].tokens[0].start * std::exp(-0.8f),
        1e-3 * static_cast<double>(plain.passages[p].tokens[0].start /
                                   plain.passages[0].tokens[0].start));
  }
  EXPECT_GT(weighed.none_weight, plain.none_weight);
  // Where nothing was retrieved it has no say.
  for (ReaderInput& input : inputs_) input = {input.passage, std::nullopt, std::nullopt};
  const Reading without = Reader().Read(kQuestion, inputs_, nullptr);
  WriteReader(*network, path_);
  ExpectSame(Reader().Read(kQuestion, inputs_, nullptr), without);
}

TEST_F(CrossAttentionReaderTest, StatesOfAnotherShapeAreComputedAgain) {
  CrossAttentionReader reader = Reader();
  const Reading without = reader.Read(kQuestion, inputs_, nullptr);
  MemoryCache cache;
  reader.UseCache(&cache);
  reader.CacheStates(passages_, nullptr);
  for (auto& [key, states] : cache.entries) states.codes.resize(states.codes.size() - 1);
  ExpectSame(reader.Read(kQuestion, inputs_, nullptr), without);
}

TEST_F(CrossAttentionReaderTest, StatesCachedAheadAreFoundByTheFirstQuestion) {
  CrossAttentionReader reader = Reader();
  MemoryCache cache;
  reader.UseCache(&cache);
  reader.CacheStates(passages_, nullptr);
  const std::size_t kept = cache.entries.size();
  reader.Read(kQuestion, inputs_, nullptr);
  EXPECT_EQ(cache.hits, static_cast<int>(kept));
  EXPECT_EQ(cache.entries.size(), kept);
}

TEST_F(CrossAttentionReaderTest, TheFingerprintFollowsTheWeights) {
  const std::string before = Reader().fingerprint();
  EXPECT_EQ(Reader().fingerprint(), before);
  WriteReader(*RandomReader(TestEncoder(), TestEmbedderFolder(), {}, 4), path_);
  EXPECT_NE(Reader().fingerprint(), before);
}

TEST_F(CrossAttentionReaderTest, AttentionComesWhenAskedForAndChangesNothing) {
  const CrossAttentionReader reader = Reader();
  const Reading plain = reader.Read(kQuestion, inputs_, nullptr);
  const Reading shown =
      reader.Read(kQuestion, inputs_, {.attention = AttentionDetail::kHeads}, nullptr);
  ExpectSame(shown, plain);
  EXPECT_EQ(plain.passages[0].tokens[0].attention, 0);
  for (const TokenWeight& token : shown.passages[0].tokens) EXPECT_GT(token.attention, 0);
}

TEST_F(CrossAttentionReaderTest, EveryHeadsWeightsSumToOneAndTheirMeanIsTheTokensAttention) {
  const Reading reading =
      Reader().Read(kQuestion, inputs_, {.attention = AttentionDetail::kHeads}, nullptr);
  EXPECT_EQ(reading.axes.layers, 3u);
  EXPECT_EQ(reading.axes.heads, 12u);
  const std::size_t question = reading.axes.question.size();
  ASSERT_EQ(question, 8u);  // [CLS] when was the tower finished ? [SEP]
  EXPECT_EQ(Slice(kQuestion, reading.axes.question[4]), "tower");
  EXPECT_TRUE(reading.axes.question.front().empty() && reading.axes.question.back().empty());
  const std::size_t rows = 3 * 12 * question;
  EXPECT_EQ(reading.passages[0].parts.size(), 1u);
  EXPECT_GT(reading.passages[2].parts.size(), 1u);
  for (const PassageReading& passage : reading.passages) {
    std::size_t token = 0;
    for (const PartAttention& part : passage.parts) {
      EXPECT_EQ(part.first_token, token);
      const std::size_t keys = question + part.tokens + 1;
      ASSERT_EQ(part.weights.size(), rows * keys);
      for (std::size_t r = 0; r < rows; ++r) {
        const float* row = part.weights.data() + r * keys;
        // Roundings of a softmax over at most 300 keys.
        EXPECT_NEAR(std::accumulate(row, row + keys, 0.0), 1, 300 * 6e-8);
      }
      for (std::size_t t = 0; t < part.tokens; ++t, ++token) {
        double sum = 0;
        for (std::size_t r = 0; r < rows; ++r)
          sum += static_cast<double>(part.weights[r * keys + question + t]);
        const double mean = sum / static_cast<double>(rows);
        // Each of the mean's sums rounds it by 6e-8.
        EXPECT_NEAR(passage.tokens[token].attention, mean, static_cast<double>(rows) * 6e-8 * mean);
      }
    }
    EXPECT_EQ(token, passage.tokens.size());
  }
}

TEST_F(CrossAttentionReaderTest, HeadsAreReturnedOnlyIfAskedForWhateverTheThreads) {
  const CrossAttentionReader reader = Reader();
  for (const AttentionDetail detail : {AttentionDetail::kNone, AttentionDetail::kMean}) {
    const Reading reading = reader.Read(kQuestion, inputs_, {.attention = detail}, nullptr);
    EXPECT_EQ(reading.axes.layers, 0u);
    for (const PassageReading& passage : reading.passages) EXPECT_TRUE(passage.parts.empty());
  }
  const ReadOptions heads = {.attention = AttentionDetail::kHeads};
  const Reading alone = reader.Read(kQuestion, inputs_, heads, nullptr);
  ThreadPool pool(3);
  const Reading pooled = reader.Read(kQuestion, inputs_, heads, &pool);
  for (std::size_t p = 0; p < passages_.size(); ++p)
    EXPECT_EQ(pooled.passages[p].parts[0].weights, alone.passages[p].parts[0].weights);
}

TEST_F(CrossAttentionReaderTest, AQuestionLongerThanTheWindowEndsWithItsMarker) {
  std::string question = "tower";
  for (int i = 0; i < 400; ++i) question += " tower";
  const Reading reading =
      Reader().Read(question, inputs_, {.attention = AttentionDetail::kHeads}, nullptr);
  ASSERT_EQ(reading.axes.question.size(), 256u);
  EXPECT_TRUE(reading.axes.question.back().empty());
  EXPECT_EQ(Slice(question, reading.axes.question[254]), "tower");
}

TEST_F(CrossAttentionReaderTest, PassagesWithoutTextWeighNothing) {
  passages_[1].text = "";
  const Reading reading = Reader().Read(kQuestion, inputs_, nullptr);
  EXPECT_EQ(reading.passages[1].weight, 0);
  EXPECT_TRUE(reading.passages[1].sentences.empty());
  EXPECT_EQ(Reader().Read(kQuestion, {}, nullptr).none_weight, 1);
}

TEST_F(CrossAttentionReaderTest, AnEmptyQuestionIsRefused) {
  EXPECT_ERROR(Reader().Read(" \n", inputs_, nullptr), ErrorCode::kInvalidArgument,
               "the question is empty");
}

}  // namespace
}  // namespace fovea
