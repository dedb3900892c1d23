#include "lib/nn/logits.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace fovea {
namespace {

TEST(LogSumExpTest, GivesProbabilitiesThatSumToOne) {
  const std::vector<float> logits = {std::log(3.0f), std::log(4.0f), std::log(5.0f)};
  EXPECT_NEAR(LogSumExp(logits), std::log(12.0), 1e-6);
}

TEST(LogSumExpTest, GreatLogitsDoNotOverflow) {
  const std::vector<float> logits = {1e4f, 1e4f, -1e4f};
  EXPECT_NEAR(LogSumExp(logits), 1e4 + std::log(2.0), 1e-9);
}

TEST(LogSumExpTest, WhatIsForbiddenAddsNothing) {
  const std::vector<float> logits = {-INFINITY, 2};
  EXPECT_EQ(LogSumExp(logits), 2);
}

}  // namespace
}  // namespace fovea
