#include "generator/passage_fusion.h"

#include <gtest/gtest.h>

#include <cmath>

namespace fovea {
namespace {

TEST(PassageFusionTest, ProbabilitiesAreMixedByWeight) {
  std::vector<float> a = {std::log(0.7f), std::log(0.2f), std::log(0.1f)};
  std::vector<float> b = {std::log(0.1f) + 5, std::log(0.1f) + 5, std::log(0.8f) + 5};
  const std::vector<std::span<float>> rows = {a, b};
  const std::vector<double> weights = {3, 1};
  FuseLogits(rows, weights);
  EXPECT_NEAR(std::exp(a[0]) / std::exp(a[1]), (3 * 0.7 + 0.1) / (3 * 0.2 + 0.1), 1e-5);
  EXPECT_NEAR(std::exp(a[2]) / std::exp(a[1]), (3 * 0.1 + 0.8) / (3 * 0.2 + 0.1), 1e-5);
  EXPECT_EQ(b[2], std::log(0.8f) + 5) << "only the first is changed";
}

TEST(PassageFusionTest, OnePromptIsLeftAsItIs) {
  std::vector<float> a = {1, 2, -3};
  const std::vector<std::span<float>> rows = {a};
  const std::vector<double> weights = {0.5};
  FuseLogits(rows, weights);
  EXPECT_EQ(a, (std::vector<float>{1, 2, -3}));
}

TEST(PassageFusionTest, GreatLogitsDoNotOverflow) {
  std::vector<float> a = {1e4f, 0};
  std::vector<float> b = {0, 1e4f};
  const std::vector<std::span<float>> rows = {a, b};
  const std::vector<double> weights = {1, 1};
  FuseLogits(rows, weights);
  EXPECT_EQ(a[0], a[1]);
  EXPECT_TRUE(std::isfinite(a[0]));
}

}  // namespace
}  // namespace fovea
