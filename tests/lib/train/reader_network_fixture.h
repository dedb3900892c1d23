// What the tests of ReaderNetwork share: a network on a tiny model, and questions for it.

#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <memory>
#include <random>
#include <vector>

#include "lib/nn/encoder.h"
#include "lib/nn/safetensors.h"
#include "lib/train/reader_network.h"
#include "tests/support/temp_folder.h"
#include "tests/support/tiny_models.h"

namespace fovea {

inline std::vector<TokenId> Tokens(std::initializer_list<int> ids) {
  std::vector<TokenId> tokens;
  for (const int id : ids) tokens.push_back(TokenId{id});
  return tokens;
}

// One with its answer in the second of two passages (the first has a title), one without an answer,
// one with a single passage and two answers.
inline std::vector<ReaderQuestion> Questions() {
  std::vector<ReaderQuestion> questions(3);
  questions[0].tokens = Tokens({2, 5, 7, 3});
  questions[0].passages = {
      {.tokens = Tokens({2, 9, 3, 4, 5, 6, 3}), .text = 3, .scores = {0.3f, 0.9f}},
      {.tokens = Tokens({2, 8, 7, 10, 11, 3}), .scores = {0.7f, 0.2f}, .answers = {{2, 3}}}};
  questions[1].tokens = Tokens({2, 6, 3});
  questions[1].passages = {{.tokens = Tokens({2, 4, 4, 3}), .scores = {0.1f, 0.5f}},
                           {.tokens = Tokens({2, 11, 3}), .scores = {-0.2f, 0}}};
  questions[2].tokens = Tokens({2, 4, 10, 3});
  questions[2].passages = {
      {.tokens = Tokens({2, 5, 4, 9, 5, 3}), .scores = {0.6f, 1}, .answers = {{1, 2}, {4, 4}}}};
  return questions;
}

inline std::size_t Size(const Matrix& matrix) { return matrix.rows() * matrix.cols(); }

class ReaderNetworkTest : public testing::Test {
 protected:
  ReaderNetworkTest() {
    TinyBert().Write(folder_.path() / "tiny");
    encoder_ = Encoder::Load(folder_.path() / "tiny");
    weights_ = std::make_unique<SafetensorsFile>(folder_.path() / "tiny" / "model.safetensors");
  }

  // With heads, segment and score weights large enough to matter.
  std::unique_ptr<ReaderNetwork> Network(const ReaderNetworkOptions& options = kOptions) const {
    auto network = std::make_unique<ReaderNetwork>(*encoder_, *weights_, options, 7);
    std::mt19937 random(5);
    std::uniform_real_distribution<float> uniform(-0.5f, 0.5f);
    for (Parameter* parameter : network->parameters()) {
      if (parameter->name.starts_with("encoder.")) continue;
      for (std::size_t i = 0; i < Size(parameter->value); ++i)
        parameter->value.data()[i] = uniform(random);
    }
    return network;
  }

  static constexpr ReaderNetworkOptions kOptions = {.apart_layers = 1, .joint_layers = 1};

  TempFolder folder_;
  std::unique_ptr<Encoder> encoder_;
  std::unique_ptr<SafetensorsFile> weights_;
};

inline std::vector<Matrix> Gradients(ReaderNetwork& network) {
  std::vector<Matrix> gradients;
  for (const Parameter* parameter : network.parameters())
    gradients.push_back(parameter->gradient.Clone());
  return gradients;
}

inline void ExpectSameBits(const std::vector<float>& a, const std::vector<float>& b) {
  ASSERT_EQ(a.size(), b.size());
  EXPECT_EQ(std::memcmp(a.data(), b.data(), a.size() * sizeof(float)), 0);
}

inline void ExpectSameBits(const ReaderLogits& a, const ReaderLogits& b) {
  ASSERT_EQ(a.start.size(), b.start.size());
  for (std::size_t p = 0; p < a.start.size(); ++p) {
    ExpectSameBits(a.start[p], b.start[p]);
    ExpectSameBits(a.end[p], b.end[p]);
  }
  ExpectSameBits(a.passage, b.passage);
  ExpectSameBits(a.none, b.none);
}

}  // namespace fovea
