#include "lib/train/adamw.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "lib/base/thread_pool.h"

namespace fovea {
namespace {

Parameter Scalar(double value, bool decays) {
  Parameter parameter = MakeParameter("w", 1, 1, decays);
  parameter.value.data()[0] = static_cast<float>(value);
  return parameter;
}

TEST(AdamW, TakesTheStepsOfThePaper) {
  Parameter parameter = Scalar(1, true);
  AdamW optimiser({&parameter}, {.weight_decay = 0.1f, .clip = 0});
  double w = 1, m = 0, v = 0;
  for (int t = 1; t <= 20; ++t) {
    const double g = std::sin(t) * 3;
    parameter.gradient.data()[0] = static_cast<float>(g);
    optimiser.Step(0.01f, nullptr);
    m = 0.9 * m + 0.1 * g;
    v = 0.999 * v + 0.001 * g * g;
    const double step =
        m / (1 - std::pow(0.9, t)) / (std::sqrt(v / (1 - std::pow(0.999, t))) + 1e-8);
    w -= 0.01 * (step + 0.1 * w);
    EXPECT_NEAR(parameter.value.data()[0], w, 1e-5) << t;
    EXPECT_EQ(parameter.gradient.data()[0], 0.0f);
  }
}

TEST(AdamW, SparesBiasesFromDecay) {
  Parameter parameter = Scalar(1, false);
  AdamW optimiser({&parameter}, {.weight_decay = 0.5f});
  optimiser.Step(0.1f, nullptr);
  EXPECT_EQ(parameter.value.data()[0], 1.0f);
}

TEST(AdamW, ClipsTheNormOfAllGradientsTogether) {
  Parameter first = Scalar(0, false), second = Scalar(0, false);
  Parameter scaled_first = Scalar(0, false), scaled_second = Scalar(0, false);
  // ε is made large, so that the size of the gradient matters.
  AdamW clipped({&first, &second}, {.epsilon = 1, .clip = 1});
  AdamW whole({&scaled_first, &scaled_second}, {.epsilon = 1, .clip = 0});
  first.gradient.data()[0] = 3;
  second.gradient.data()[0] = 4;
  scaled_first.gradient.data()[0] = 0.6f;
  scaled_second.gradient.data()[0] = 0.8f;
  EXPECT_DOUBLE_EQ(clipped.Step(0.1f, nullptr), 5);
  whole.Step(0.1f, nullptr);
  EXPECT_NEAR(first.value.data()[0], scaled_first.value.data()[0], 1e-7);
  EXPECT_NEAR(second.value.data()[0], scaled_second.value.data()[0], 1e-7);
}

TEST(AdamW, LeavesTheWeightsWhereAGradientIsNotFinite) {
  Parameter parameter = Scalar(1, true);
  AdamW optimiser({&parameter}, {});
  parameter.gradient.data()[0] = std::numeric_limits<float>::infinity();
  EXPECT_FALSE(std::isfinite(optimiser.Step(0.1f, nullptr)));
  EXPECT_EQ(parameter.value.data()[0], 1.0f);
  EXPECT_EQ(parameter.gradient.data()[0], 0.0f);
  EXPECT_EQ(optimiser.steps(), 0);
}

TEST(WarmUpThenDecay, RisesToThePeakAndFallsToZero) {
  EXPECT_FLOAT_EQ(WarmUpThenDecay(0, 10, 110, 1), 0.1f);
  EXPECT_FLOAT_EQ(WarmUpThenDecay(9, 10, 110, 1), 1);
  EXPECT_FLOAT_EQ(WarmUpThenDecay(10, 10, 110, 1), 1);
  EXPECT_FLOAT_EQ(WarmUpThenDecay(60, 10, 110, 1), 0.5f);
  EXPECT_FLOAT_EQ(WarmUpThenDecay(110, 10, 110, 1), 0);
  EXPECT_FLOAT_EQ(WarmUpThenDecay(500, 10, 110, 1), 0);
}

}  // namespace
}  // namespace fovea
