#include "lib/train/embedding_layer.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "lib/base/thread_pool.h"
#include "lib/nn/encoder.h"
#include "lib/nn/safetensors.h"
#include "tests/reference/training.h"
#include "tests/reference/weights.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_folder.h"
#include "tests/support/tiny_models.h"

namespace fovea {
namespace {

using reference::DoubleMatrix;
using reference::ToDouble;

constexpr EmbeddingSizes kSizes = {.vocabulary = 9, .positions = 5, .types = 2, .width = 11};

std::vector<TokenId> Ids(std::initializer_list<int> ids) {
  std::vector<TokenId> tokens;
  for (const int id : ids) tokens.push_back(TokenId{id});
  return tokens;
}

class EmbeddingLayerTest : public testing::Test {
 protected:
  EmbeddingLayerTest() : layer_(EmbeddingLayer::Make("embeddings.", kSizes)) {
    std::uint32_t seed = 1;
    for (Parameter* parameter : layer_.parameters()) {
      const Matrix random =
          reference::RandomMatrix(parameter->value.rows(), parameter->value.cols(), 1, seed++);
      std::copy_n(random.data(), random.rows() * random.cols(), parameter->value.data());
      values_[parameter->name] = ToDouble(parameter->value.view());
    }
  }

  DoubleMatrix Output() const {
    const auto& word = values_.at("embeddings.word_embeddings.weight");
    const auto& position = values_.at("embeddings.position_embeddings.weight");
    const auto& type = values_.at("embeddings.token_type_embeddings.weight");
    DoubleMatrix sum = DoubleMatrix::Zeros(ids_.size(), kSizes.width);
    for (std::size_t s = 0; s + 1 < starts_.size(); ++s) {
      for (std::size_t t = starts_[s]; t < starts_[s + 1]; ++t) {
        for (std::size_t i = 0; i < kSizes.width; ++i)
          sum.at(t, i) = word.at(static_cast<std::size_t>(Value(ids_[t])), i) +
                         position.at(t - starts_[s], i) + type.at(types_[t], i);
      }
    }
    return reference::LayerNorm(sum, values_.at("embeddings.LayerNorm.weight"),
                                values_.at("embeddings.LayerNorm.bias"), 1e-12);
  }

  // Σ seed ⊙ output: its gradient with respect to the output is `seed`.
  double Loss() const {
    const DoubleMatrix output = Output();
    double loss = 0;
    for (std::size_t i = 0; i < output.values.size(); ++i)
      loss += output.values[i] * static_cast<double>(seed_.data()[i]);
    return loss;
  }

  TokenBatch Tokens() const { return {ids_, types_, starts_}; }

  Matrix Forward(EmbeddingLayer::Trace& trace) const {
    Matrix y(ids_.size(), kSizes.width);
    layer_.Forward(Tokens(), trace, y.view(), nullptr);
    return y;
  }

  EmbeddingLayer layer_;
  // Words that come back, within a sequence and in others; one sequence as long as may be.
  std::vector<TokenId> ids_ = Ids({2, 3, 2, 8, 0, 2, 8, 8, 3});
  std::vector<std::uint8_t> types_ = {0, 0, 1, 1, 1, 0, 0, 1, 0};
  std::vector<std::size_t> starts_ = {0, 5, 5, 8, 9};
  const Matrix seed_ = reference::RandomMatrix(9, kSizes.width, 1, 7);
  reference::NamedValues values_;
};

// Of order 1 to 10, after a few dozen roundings of 6e-8 and a division by a standard deviation of
// about 1.
constexpr double kTolerance = 2e-5;

TEST_F(EmbeddingLayerTest, ForwardIsTheFormula) {
  EmbeddingLayer::Trace trace;
  const Matrix y = Forward(trace);
  const DoubleMatrix want = Output();
  for (std::size_t i = 0; i < want.values.size(); ++i)
    EXPECT_NEAR(y.data()[i], want.values[i], kTolerance) << i;
}

TEST_F(EmbeddingLayerTest, EveryGradientIsTheDerivative) {
  EmbeddingLayer::Trace trace;
  Forward(trace);
  Matrix dy = seed_.Clone();
  layer_.Backward(Tokens(), trace, dy.view(), nullptr);
  for (const Parameter* parameter : layer_.parameters()) {
    std::vector<double>& values = values_.at(parameter->name).values;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double want = reference::Derivative([&] { return Loss(); }, values[i]);
      EXPECT_NEAR(parameter->gradient.data()[i], want, kTolerance) << parameter->name << " " << i;
    }
  }
}

TEST_F(EmbeddingLayerTest, ThreadsChangeNoBit) {
  // Enough tokens for several blocks of rows in every table.
  ids_.clear();
  starts_ = {0};
  for (int i = 0; i < 400; ++i) {
    ids_.push_back(TokenId{i * i % 9});
    if (i % 5 == 4) starts_.push_back(ids_.size());
  }
  types_.assign(400, 1);
  const Matrix seed = reference::RandomMatrix(400, kSizes.width, 1, 8);
  const auto gradients = [&](ThreadPool* pool) {
    EmbeddingLayer layer = EmbeddingLayer::Make("", kSizes);
    const std::vector<Parameter*> ours = layer_.parameters(), theirs = layer.parameters();
    for (std::size_t p = 0; p < ours.size(); ++p) theirs[p]->value = ours[p]->value.Clone();
    EmbeddingLayer::Trace trace;
    Matrix y(400, kSizes.width), dy = seed.Clone();
    layer.Forward(Tokens(), trace, y.view(), pool);
    layer.Backward(Tokens(), trace, dy.view(), pool);
    std::vector<float> all(y.data(), y.data() + 400 * kSizes.width);
    for (const Parameter* parameter : layer.parameters()) {
      const Matrix& gradient = parameter->gradient;
      all.insert(all.end(), gradient.data(), gradient.data() + gradient.rows() * gradient.cols());
    }
    return all;
  };
  ThreadPool pool(3);
  EXPECT_EQ(gradients(nullptr), gradients(&pool));
}

TEST_F(EmbeddingLayerTest, GivesWhatTheEncoderGives) {
  const TempFolder folder;
  TinyBert().Write(folder.path() / "tiny");
  const auto encoder = Encoder::Load(folder.path() / "tiny");
  const SafetensorsFile file(folder.path() / "tiny" / "model.safetensors");
  EmbeddingLayer layer = EmbeddingLayer::Make(
      "embeddings.", {.vocabulary = 12, .positions = 16, .width = 24, .epsilon = 1e-12f});
  for (Parameter* parameter : layer.parameters()) {
    const std::size_t rows = parameter->value.rows(), cols = parameter->value.cols();
    const auto values = file.Floats(
        parameter->name, rows == 1 ? std::vector{cols} : std::vector<std::size_t>{rows, cols});
    std::copy(values.begin(), values.end(), parameter->value.data());
  }
  layer.norm.epsilon = encoder->config().epsilon;
  const std::vector<std::vector<TokenId>> sequences = {Ids({2, 5, 5, 3}), Ids({2, 11, 4, 9, 3})};
  std::vector<TokenId> ids = sequences[0];
  ids.insert(ids.end(), sequences[1].begin(), sequences[1].end());
  const std::vector<std::size_t> starts = {0, 4, 9};
  EmbeddingLayer::Trace trace;
  Matrix y(9, 24);
  layer.Forward({.ids = ids, .starts = starts}, trace, y.view(), nullptr);
  const Matrix want = encoder->HiddenStates(sequences, nullptr, 0);
  for (std::size_t i = 0; i < 9 * 24; ++i) EXPECT_NEAR(y.data()[i], want.data()[i], kTolerance);
}

TEST_F(EmbeddingLayerTest, RefusesWhatIsBeyondTheTables) {
  EmbeddingLayer::Trace trace;
  ids_[1] = TokenId{9};
  EXPECT_ERROR(Forward(trace), ErrorCode::kInvalidArgument, "token 9 is beyond");
  ids_[1] = TokenId{-1};
  EXPECT_ERROR(Forward(trace), ErrorCode::kInvalidArgument, "token -1 is beyond");
  ids_[1] = TokenId{1};
  types_[0] = 2;
  EXPECT_ERROR(Forward(trace), ErrorCode::kInvalidArgument, "type 2 is beyond");
  types_[0] = 0;
  starts_ = {0, 6, 9};
  EXPECT_ERROR(Forward(trace), ErrorCode::kInvalidArgument, "position 5 is beyond");
  for (const auto& starts : std::vector<std::vector<std::size_t>>{
           {}, {0}, {0, 5}, {1, 5, 9}, {0, 5, 3, 9}, {0, 5, 10}}) {
    starts_ = starts;
    EXPECT_ERROR(Forward(trace), ErrorCode::kInvalidArgument, "starts");
  }
}

}  // namespace
}  // namespace fovea
