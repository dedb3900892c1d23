#include "generator/sampler.h"

#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "tests/support/expect_error.h"

namespace fovea {
namespace {

constexpr int kDraws = 20000;

std::vector<int> Histogram(const SamplingOptions& options, const std::vector<float>& logits) {
  Sampler sampler(options);
  std::vector<int> counts(logits.size(), 0);
  for (int i = 0; i < kDraws; ++i)
    ++counts.at(static_cast<std::size_t>(Value(sampler.Next(logits))));
  return counts;
}

std::vector<double> SoftmaxOf(const std::vector<float>& logits, double temperature) {
  std::vector<double> probability;
  double total = 0;
  for (const float logit : logits) {
    probability.push_back(std::exp(static_cast<double>(logit) / temperature));
    total += probability.back();
  }
  for (double& p : probability) p /= total;
  return probability;
}

double ChiSquare(const std::vector<int>& counts, const std::vector<double>& probability) {
  double sum = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const double expected = probability[i] * kDraws;
    sum += (counts[i] - expected) * (counts[i] - expected) / expected;
  }
  return sum;
}

TEST(SamplerTest, GreedyTakesTheGreatestLogit) {
  Sampler sampler({});
  EXPECT_EQ(sampler.Next(std::vector<float>{-3, 2, 7, 6.5f}), TokenId(2));
}

TEST(SamplerTest, GreedyGivesTiesToTheSmallerId) {
  Sampler sampler({});
  EXPECT_EQ(sampler.Next(std::vector<float>{1, 5, 5, 5}), TokenId(1));
}

TEST(SamplerTest, DrawsFollowTheSoftmaxAtTheTemperature) {
  const std::vector<float> logits = {0, 1, 2, 0.5f, -1, 1.5f};
  for (const float temperature : {0.5f, 1.0f, 2.0f}) {
    const auto counts = Histogram({temperature, 1, 11}, logits);
    // 5 degrees of freedom: 99.9 % of fair samples lie below 20.5.
    EXPECT_LT(ChiSquare(counts, SoftmaxOf(logits, temperature)), 20.5)
        << "temperature " << temperature;
  }
}

TEST(SamplerTest, AWrongDistributionFailsTheSameTest) {
  const std::vector<float> logits = {0, 1, 2, 0.5f, -1, 1.5f};
  EXPECT_GT(ChiSquare(Histogram({1.0f, 1, 11}, logits), SoftmaxOf(logits, 1.2)), 20.5);
}

TEST(SamplerTest, TheNucleusIsTheFewestTokensThatHoldTopP) {
  // Probabilities 0.5, 0.3, 0.15, 0.05.
  const std::vector<float> logits = {std::log(0.15f), std::log(0.5f), std::log(0.05f),
                                     std::log(0.3f)};
  const auto counts = Histogram({1.0f, 0.7f, 5}, logits);
  EXPECT_EQ(counts[0], 0);
  EXPECT_EQ(counts[2], 0);
  // Inside it, probabilities keep their ratio: 5 to 3.
  EXPECT_NEAR(counts[1] / static_cast<double>(kDraws), 0.625, 0.015);
}

TEST(SamplerTest, ATinyTopPIsGreedy) {
  const auto counts = Histogram({3.0f, 1e-6f, 5}, {1, 2, 1.99f});
  EXPECT_EQ(counts[1], kDraws);
}

TEST(SamplerTest, TheSeedDecidesTheDraws) {
  const std::vector<float> logits(50, 0.0f);
  const auto draw = [&](std::uint64_t seed) {
    Sampler sampler({1.0f, 1, seed});
    std::vector<TokenId> tokens;
    for (int i = 0; i < 40; ++i) tokens.push_back(sampler.Next(logits));
    return tokens;
  };
  EXPECT_EQ(draw(1), draw(1));
  EXPECT_NE(draw(1), draw(2));
}

TEST(SamplerTest, LogitsOfMinusInfinityAreNeverDrawn) {
  const float never = -std::numeric_limits<float>::infinity();
  const auto counts = Histogram({1.0f, 1, 3}, {never, 0, never, 0});
  EXPECT_EQ(counts[0] + counts[2], 0);
}

TEST(SamplerTest, OptionsOutOfRangeAreNamed) {
  EXPECT_ERROR(Sampler({-0.1f, 1, 0}), ErrorCode::kInvalidArgument, "temperature");
  EXPECT_ERROR(Sampler({std::numeric_limits<float>::quiet_NaN(), 1, 0}),
               ErrorCode::kInvalidArgument, "temperature");
  EXPECT_ERROR(Sampler({1, 0, 0}), ErrorCode::kInvalidArgument, "top-p");
  EXPECT_ERROR(Sampler({1, 1.01f, 0}), ErrorCode::kInvalidArgument, "top-p");
}

}  // namespace
}  // namespace fovea
