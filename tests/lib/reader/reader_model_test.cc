#include "lib/reader/reader_model.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <string>

#include "lib/base/thread_pool.h"
#include "tests/reference/training.h"
#include "tests/support/expect_error.h"
#include "tests/support/models.h"
#include "tests/support/temp_folder.h"
#include "tests/support/test_reader.h"
#include "tests/support/tiny_models.h"

namespace fovea {
namespace {

// Some hundred roundings of 6e-8 a layer, on values of order 1 to 10, on both sides.
constexpr double kTolerance = 8e-4;

std::vector<TokenId> RandomTokens(std::size_t count, int vocabulary, std::mt19937& random) {
  std::vector<TokenId> tokens(count);
  for (TokenId& token : tokens)
    token = TokenId{static_cast<std::int32_t>(random() % static_cast<unsigned>(vocabulary))};
  return tokens;
}

ReaderQuestion RandomQuestion(std::size_t passages, std::size_t longest, int vocabulary,
                              std::uint32_t seed) {
  std::mt19937 random(seed);
  ReaderQuestion question;
  question.tokens = RandomTokens(2 + random() % 5, vocabulary, random);
  for (std::size_t p = 0; p < passages; ++p) {
    ReaderPassage& passage = question.passages.emplace_back();
    passage.tokens = RandomTokens(3 + random() % (longest - 2), vocabulary, random);
  }
  return question;
}

std::vector<WindowLogits> Logits(const ReaderModel& model, const ReaderQuestion& question,
                                 ThreadPool* pool,
                                 AttentionDetail attention = AttentionDetail::kNone) {
  std::vector<std::vector<TokenId>> passages;
  for (const ReaderPassage& passage : question.passages) passages.push_back(passage.tokens);
  const std::vector<Matrix> asked = model.Apart(std::span(&question.tokens, 1), pool);
  return model.Joint(asked.front(), model.Apart(passages, pool), attention, pool);
}

class ReaderModelTest : public ::testing::Test {
 protected:
  ReaderModelTest() {
    TinyBert().Write(tiny_);
    base_ = Encoder::Load(tiny_);
  }
  ReaderModel Model(ReaderNetwork& network, Precision precision = Precision::kF32,
                    ReaderFileType type = ReaderFileType::kF32) const {
    WriteReader(network, path_, type);
    return {ReaderFile(path_), *base_, precision, nullptr};
  }

  TempFolder folder_;
  std::filesystem::path tiny_ = folder_.path() / "tiny";
  std::filesystem::path path_ = folder_.path() / "reader.safetensors";
  std::unique_ptr<Encoder> base_;
};

TEST_F(ReaderModelTest, InF32ItsLogitsAreThoseOfTheTrainedNetwork) {
  for (const ReaderNetworkOptions& options :
       {ReaderNetworkOptions{.apart_layers = 1, .joint_layers = 1},
        ReaderNetworkOptions{.frozen_layers = 1, .apart_layers = 0, .joint_layers = 1},
        ReaderNetworkOptions{.apart_layers = 0, .joint_layers = 2},
        ReaderNetworkOptions{.apart_layers = 1, .joint_layers = 1, .joint_feed_forward = 24}}) {
    const auto network = RandomReader(*base_, tiny_, options, 5);
    const ReaderModel model = Model(*network);
    for (std::uint32_t seed = 0; seed < 5; ++seed) {
      const ReaderQuestion question =
          RandomQuestion(1 + seed, TinyBert::kPositions, TinyBert::kVocabulary, seed);
      const ReaderLogits want = network->Forward(std::span(&question, 1), nullptr).front();
      const std::vector<WindowLogits> got = Logits(model, question, nullptr);
      for (std::size_t p = 0; p < got.size(); ++p) {
        EXPECT_NEAR(got[p].fit, want.passage[p], kTolerance);
        EXPECT_NEAR(got[p].none + got[p].fit, want.none[p], kTolerance);
        const std::size_t tokens = question.passages[p].tokens.size();
        ASSERT_EQ(got[p].start.size(), tokens);
        for (std::size_t t = 1; t + 1 < tokens; ++t) {
          EXPECT_NEAR(got[p].start[t] + got[p].fit, want.start[p][t], kTolerance);
          EXPECT_NEAR(got[p].end[t] + got[p].fit, want.end[p][t], kTolerance);
        }
      }
    }
  }
}

TEST_F(ReaderModelTest, ScoreWeightsAreThoseOfTheFile) {
  const auto network = RandomReader(*base_, tiny_, {.apart_layers = 1, .joint_layers = 1}, 5);
  const auto weights = Model(*network).score_weights();
  const Parameter* parameter = network->parameters().back();
  ASSERT_EQ(parameter->name, "score_weights");
  EXPECT_EQ(weights[0], parameter->value.data()[0]);
  EXPECT_EQ(weights[1], parameter->value.data()[1]);
}

TEST_F(ReaderModelTest, AWindowsLogitsDoNotDependOnThreadsOrOnItsNeighbours) {
  const auto network = RandomReader(*base_, tiny_, {.apart_layers = 1, .joint_layers = 1}, 6);
  for (const Precision precision : {Precision::kF32, Precision::kInt8}) {
    const ReaderModel model = Model(*network, precision, ReaderFileType::kInt8);
    const ReaderQuestion question =
        RandomQuestion(60, TinyBert::kPositions, TinyBert::kVocabulary, 9);
    const std::vector<WindowLogits> together = Logits(model, question, nullptr);
    const auto expect_same = [&](const WindowLogits& got, const WindowLogits& want) {
      EXPECT_EQ(got.start, want.start);
      EXPECT_EQ(got.end, want.end);
      EXPECT_EQ(got.fit, want.fit);
      EXPECT_EQ(got.none, want.none);
    };
    for (const int threads : {1, 2, 5}) {
      ThreadPool pool(threads);
      const std::vector<WindowLogits> got = Logits(model, question, &pool);
      for (std::size_t p = 0; p < got.size(); ++p) expect_same(got[p], together[p]);
    }
    for (const std::size_t p : {0, 17, 59}) {
      const ReaderQuestion alone{question.tokens, {question.passages[p]}};
      expect_same(Logits(model, alone, nullptr, AttentionDetail::kHeads).front(), together[p]);
    }
  }
}

TEST_F(ReaderModelTest, AttentionOfAQuestionsTokenIsAShareOfOne) {
  const auto network = RandomReader(*base_, tiny_, {.apart_layers = 0, .joint_layers = 2}, 7);
  const ReaderModel model = Model(*network);
  const ReaderQuestion question = RandomQuestion(3, 12, TinyBert::kVocabulary, 3);
  for (const WindowLogits& logits : Logits(model, question, nullptr, AttentionDetail::kMean)) {
    EXPECT_EQ(logits.attention.rows(), question.tokens.size());
    EXPECT_EQ(logits.attention.cols(), logits.start.size());
    for (std::size_t q = 0; q < logits.attention.rows(); ++q) {
      float sum = 0;
      for (const float weight : logits.attention.row(q)) {
        EXPECT_GT(weight, 0);
        sum += weight;
      }
      EXPECT_LT(sum, 1);  // The rest goes to the question itself.
    }
  }
}

TEST_F(ReaderModelTest, AHeadsWeightsAreTheSoftmaxOfItsQueriesAndKeys) {
  const auto network = RandomReader(*base_, tiny_, {.apart_layers = 0, .joint_layers = 2}, 7);
  const ReaderModel model = Model(*network);
  const ReaderQuestion question = RandomQuestion(3, 12, TinyBert::kVocabulary, 3);
  const std::vector<WindowLogits> got = Logits(model, question, nullptr, AttentionDetail::kHeads);
  reference::NamedValues values;
  for (const Parameter* parameter : network->parameters())
    values[parameter->name] = reference::ToDouble(parameter->value.view());
  for (std::size_t p = 0; p < got.size(); ++p) {
    const std::size_t asked = question.tokens.size();
    const std::size_t tokens = asked + question.passages[p].tokens.size();
    ASSERT_EQ(got[p].head_attention.rows(), 2 * 3 * asked);
    ASSERT_EQ(got[p].head_attention.cols(), tokens);
    const std::vector<std::vector<TokenId>> sequences = {question.tokens,
                                                         question.passages[p].tokens};
    reference::DoubleMatrix hidden{tokens, 24, {}};
    for (const Matrix& states : model.Apart(sequences, nullptr))
      hidden.values.insert(hidden.values.end(), states.data(), states.data() + states.rows() * 24);
    const std::vector<float> segment = ReaderFile(path_).Vector("segment", 24);
    for (std::size_t i = 0; i < asked * 24; ++i)
      hidden.values[i] += static_cast<double>(segment[i % 24]);
    for (std::size_t layer = 0; layer < 2; ++layer) {
      std::vector<double> want;
      hidden = reference::TransformerLayer(values, "encoder.layer." + std::to_string(layer) + ".",
                                           hidden, 3, {0, tokens}, 1e-12, &want);
      for (std::size_t head = 0; head < 3; ++head) {
        for (std::size_t q = 0; q < asked; ++q) {
          for (std::size_t k = 0; k < tokens; ++k) {
            EXPECT_NEAR(got[p].head_attention.row((layer * 3 + head) * asked + q)[k],
                        want[(head * tokens + q) * tokens + k], kTolerance);
          }
        }
      }
    }
  }
}

// On the embedder's real layers: 8 bits in six layers leave its vectors a cosine of 0.999
// (docs/performance.md), an angle of 0.045; the file's rounding and that of what is between the
// layers come on top.
TEST(ReaderModel, InInt8ItsLogitsAreCloseToThoseInF32) {
  const TempFolder folder;
  const Encoder& base = TestEncoder();
  const auto network = RandomReader(base, TestEmbedderFolder(), {}, 1);
  const auto path = folder.path() / "reader.safetensors";
  WriteReader(*network, path, ReaderFileType::kF32);
  const ReaderModel exact(ReaderFile(path), base, Precision::kF32, nullptr);
  WriteReader(*network, path);
  const ReaderModel rounded(ReaderFile(path), base, Precision::kInt8, nullptr);
  const std::vector<std::vector<TokenId>> tokens = {
      base.Tokenize("When was the tower of Harrow Point finished?"),
      base.Tokenize("The tower of Harrow Point was finished in 1871. Its lamp burns rape oil."),
      base.Tokenize("A queen bee lays eggs all summer. Worker bees gather nectar from clover.")};
  const auto starts = [&](const ReaderModel& model) {
    std::vector<Matrix> states = model.Apart(tokens, nullptr);
    std::vector<double> all;
    for (const WindowLogits& logits :
         model.Joint(states[0], std::span(states).subspan(1), AttentionDetail::kNone, nullptr))
      all.insert(all.end(), logits.start.begin(), logits.start.end());
    return all;
  };
  const std::vector<double> want = starts(exact), got = starts(rounded);
  double mean = 0, error = 0, spread = 0;
  for (const double value : want) mean += value / static_cast<double>(want.size());
  for (std::size_t i = 0; i < want.size(); ++i) {
    error += (got[i] - want[i]) * (got[i] - want[i]);
    spread += (want[i] - mean) * (want[i] - mean);
  }
  EXPECT_LT(std::sqrt(error / spread), 0.15);
}

TEST_F(ReaderModelTest, AnotherBaseIsRefusedByName) {
  const auto network = RandomReader(*base_, tiny_, {.apart_layers = 1, .joint_layers = 1}, 5);
  WriteReader(*network, path_);
  const auto other_folder = folder_.path() / "other";
  TinyBert({.seed = 2}).Write(other_folder);
  const auto other = Encoder::Load(other_folder);
  EXPECT_ERROR(ReaderModel(ReaderFile(path_), *other, Precision::kInt8, nullptr),
               ErrorCode::kMismatch, "was trained on top of tiny");
}

TEST_F(ReaderModelTest, AMissingTensorIsNamed) {
  ReaderFileInfo info;
  info.base = base_->name();
  info.base_fingerprint = base_->fingerprint();
  info.joint_layers = 1;
  WriteReaderFile(path_, info, {});
  ThreadPool pool(2);
  EXPECT_ERROR(ReaderModel(ReaderFile(path_), *base_, Precision::kInt8, &pool), ErrorCode::kCorrupt,
               "tensor \"encoder.layer.0.attention.self.qkv.");
  info.frozen_layers = 3;
  WriteReaderFile(path_, info, {});
  EXPECT_ERROR(ReaderModel(ReaderFile(path_), *base_, Precision::kInt8, &pool), ErrorCode::kCorrupt,
               "wants 3 layers of tiny, which has 2");
  info.frozen_layers = 0;
  info.joint_feed_forward = 41;
  WriteReaderFile(path_, info, {});
  EXPECT_ERROR(ReaderModel(ReaderFile(path_), *base_, Precision::kInt8, &pool), ErrorCode::kCorrupt,
               "feed-forward layers of 41 units, tiny of 40");
}

}  // namespace
}  // namespace fovea
