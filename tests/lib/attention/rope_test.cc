#include "lib/attention/rope.h"

#include <gtest/gtest.h>

#include <cmath>
#include <complex>
#include <limits>
#include <numbers>
#include <random>
#include <string>
#include <vector>

#include "tests/reference/weights.h"
#include "tests/support/expect_error.h"

namespace fovea {
namespace {

using reference::RandomFloats;

constexpr double kUlp = std::numeric_limits<float>::epsilon() / 2;

// Components a and b of a pair are one complex number, turned by e^{i position θ}.
std::complex<double> Turn(float a, float b, double angle) {
  return std::complex<double>(a, b) * std::polar(1.0, angle);
}

struct Case {
  int rotated;
  int head_width;
  RopePairing pairing;
};

TEST(Rope, TurnsEveryPairOfEveryHeadByItsAngle) {
  std::mt19937 random(3);
  for (const Case& c :
       {Case{8, 8, RopePairing::kInterleaved}, Case{8, 8, RopePairing::kHalves},
        Case{4, 10, RopePairing::kInterleaved}, Case{6, 10, RopePairing::kHalves}}) {
    const Rope rope({.rotated_width = c.rotated, .pairing = c.pairing});
    constexpr std::size_t kRows = 3;
    const std::size_t width = static_cast<std::size_t>(c.head_width);
    const std::size_t cols = 2 * width;
    std::vector<float> rows = RandomFloats(kRows * cols, random);
    std::vector<float> before = rows;
    constexpr std::size_t kFirst = 8000;
    rope.Positions(kFirst - 5, kRows + 5).Apply({rows.data(), kRows, cols, cols}, c.head_width, 5);
    const std::size_t pairs = static_cast<std::size_t>(c.rotated) / 2;
    for (std::size_t t = 0; t < kRows; ++t) {
      for (std::size_t head = 0; head < 2; ++head) {
        const std::size_t start = t * cols + head * width;
        for (std::size_t i = 0; i < pairs; ++i) {
          const bool halves = c.pairing == RopePairing::kHalves;
          const std::size_t a = start + (halves ? i : 2 * i);
          const std::size_t b = start + (halves ? i + pairs : 2 * i + 1);
          const double angle = static_cast<double>(kFirst + t) *
                               std::pow(10000.0, -2.0 * static_cast<double>(i) / c.rotated);
          const std::complex<double> expected = Turn(before[a], before[b], angle);
          // Cosine and sine, two products and a sum, each rounded once.
          EXPECT_NEAR(rows[a], expected.real(), 6 * kUlp);
          EXPECT_NEAR(rows[b], expected.imag(), 6 * kUlp);
        }
        for (std::size_t i = static_cast<std::size_t>(c.rotated); i < width; ++i) {
          EXPECT_EQ(rows[start + i], before[start + i]) << "past the rotated width";
        }
      }
    }
  }
}

TEST(Rope, ScoresDependOnTheDistanceOfPositionsAlone) {
  std::mt19937 random(4);
  const Rope rope({.rotated_width = 16, .base = 100000.0});
  const std::vector<float> query = RandomFloats(16, random);
  const std::vector<float> key = RandomFloats(16, random);
  const auto score = [&](std::size_t at_query, std::size_t at_key) {
    std::vector<float> q = query;
    std::vector<float> k = key;
    rope.Positions(at_query, 1).Apply({q.data(), 1, 16, 16}, 16, 0);
    rope.Positions(at_key, 1).Apply({k.data(), 1, 16, 16}, 16, 0);
    double sum = 0;
    for (std::size_t i = 0; i < 16; ++i) sum += static_cast<double>(q[i]) * k[i];
    return sum;
  };
  EXPECT_NEAR(score(12, 5), score(4007, 4000), 16 * 12 * kUlp);
  EXPECT_GT(std::abs(score(12, 5) - score(12, 6)), 1e-3);
}

// The angle that position 1 turns pair i by, and the length of what was a unit vector.
std::vector<std::complex<double>> UnitTurns(const RopeOptions& options) {
  const auto width = static_cast<std::size_t>(options.rotated_width);
  std::vector<float> row(width, 0.0f);
  for (std::size_t i = 0; i < width; i += 2) row[i] = 1.0f;
  Rope(options).Positions(1, 1).Apply({row.data(), 1, width, width}, options.rotated_width, 0);
  std::vector<std::complex<double>> turns;
  for (std::size_t i = 0; i < width; i += 2) turns.emplace_back(row[i], row[i + 1]);
  return turns;
}

double Frequency(std::size_t pair, double base, double width) {
  return std::pow(base, -2.0 * static_cast<double>(pair) / width);
}

TEST(Rope, LinearScalingAndFrequencyFactorsDivideTheAngle) {
  const auto turns = UnitTurns({.rotated_width = 4,
                                .scaling = RopeScaling::kLinear,
                                .factor = 4.0,
                                .frequency_factors = {1.0f, 8.0f}});
  EXPECT_NEAR(std::arg(turns[0]), 1.0 / 4, 4 * kUlp);
  EXPECT_NEAR(std::arg(turns[1]), Frequency(1, 10000, 4) / 4 / 8, 4 * kUlp);
  EXPECT_NEAR(std::abs(turns[0]), 1.0, 4 * kUlp);
}

// Peng et al. 2023, equations 17 to 23, with the ramp over pairs between the (rounded) pairs that
// turn 32 times and once.
TEST(Rope, YarnInterpolatesTheSlowPairsAloneAndSharpensTheScores) {
  constexpr double kBase = 10000, kWidth = 64, kOriginal = 4096, kFactor = 8;
  const auto turns = UnitTurns({.rotated_width = 64,
                                .base = kBase,
                                .scaling = RopeScaling::kYarn,
                                .factor = kFactor,
                                .attention_factor = 0.9,
                                .original_context = 4096});
  // 32 turns: pair 10.45, rounded down; 1 turn: pair 22.5, rounded up.
  const auto turned = [&](double pair) {
    return kOriginal * std::pow(kBase, -2 * pair / kWidth) / (2 * std::numbers::pi);
  };
  EXPECT_GT(turned(10), 32);
  EXPECT_LT(turned(11), 32);
  EXPECT_GT(turned(22), 1);
  EXPECT_LT(turned(23), 1);
  for (std::size_t i = 0; i < 32; ++i) {
    const double kept = i <= 10 ? 1 : i >= 23 ? 0 : 1 - (static_cast<double>(i) - 10) / 13;
    const double own = Frequency(i, kBase, kWidth);
    EXPECT_NEAR(std::arg(turns[i]), own * kept + own / kFactor * (1 - kept), 4 * kUlp) << i;
    EXPECT_NEAR(std::abs(turns[i]), 0.9 * (0.1 * std::log(kFactor) + 1), 8 * kUlp) << i;
  }
}

TEST(Rope, RowsPastTheTableAndOptionsThatDoNotFitAreRefused) {
  const RopeTable table = Rope({.rotated_width = 4}).Positions(100, 10);
  std::vector<float> rows(3 * 8);
  EXPECT_ERROR(table.Apply({rows.data(), 3, 8, 8}, 8, 8), ErrorCode::kInvalidArgument, "positions");
  EXPECT_ERROR(table.Apply({rows.data(), 3, 8, 8}, 2, 0), ErrorCode::kInvalidArgument,
               "do not fit");
  const auto refused = [](const RopeOptions& options, const std::string& message) {
    EXPECT_ERROR(Rope{options}, ErrorCode::kInvalidArgument, message);
  };
  refused({.rotated_width = 3}, "even");
  refused({.rotated_width = 4, .factor = 0}, "factor");
  refused({.rotated_width = 4, .scaling = RopeScaling::kYarn}, "original context");
  refused({.rotated_width = 4, .frequency_factors = {1.0f}}, "1 frequency factors");
  refused({.rotated_width = 4, .frequency_factors = {1.0f, 0.0f}}, "not positive");
}

// Turning on by a distance composes with the turn of a position, the scaled magnitude counting
// once.
TEST(Rope, ADistanceMovesKeysFromOnePositionToAnother) {
  std::mt19937 random(5);
  RopeOptions yarn = {.rotated_width = 8, .scaling = RopeScaling::kYarn, .factor = 4};
  yarn.original_context = 512;
  for (const RopeOptions& options :
       {RopeOptions{.rotated_width = 8},
        RopeOptions{.rotated_width = 6, .pairing = RopePairing::kHalves}, yarn}) {
    const Rope rope(options);
    std::vector<float> moved = RandomFloats(3 * 20, random);
    std::vector<float> there = moved;
    const MatrixView moved_rows = {moved.data(), 3, 20, 20};
    rope.Positions(100, 3).Apply(moved_rows, 10, 0);
    rope.Distance(77, 3).Apply(moved_rows, 10, 0);
    rope.Positions(177, 3).Apply({there.data(), 3, 20, 20}, 10, 0);
    // Twice a pair of products of numbers below 2, and their sum.
    for (std::size_t i = 0; i < moved.size(); ++i) EXPECT_NEAR(moved[i], there[i], 24 * kUlp) << i;
  }
}

}  // namespace
}  // namespace fovea
