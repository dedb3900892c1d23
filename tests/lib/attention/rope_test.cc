#include "lib/attention/rope.h"

#include <gtest/gtest.h>

#include <cmath>
#include <complex>
#include <limits>
#include <random>
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
    const Rope rope(c.rotated, 10000.0f, 9000, c.pairing);
    constexpr std::size_t kRows = 3;
    const std::size_t width = static_cast<std::size_t>(c.head_width);
    const std::size_t cols = 2 * width;
    std::vector<float> rows = RandomFloats(kRows * cols, random);
    std::vector<float> before = rows;
    constexpr std::size_t kFirst = 8000;
    rope.Apply({rows.data(), kRows, cols, cols}, c.head_width, kFirst);
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
  const Rope rope(16, 100000.0f, 4096);
  const std::vector<float> query = RandomFloats(16, random);
  const std::vector<float> key = RandomFloats(16, random);
  const auto score = [&](std::size_t at_query, std::size_t at_key) {
    std::vector<float> q = query;
    std::vector<float> k = key;
    rope.Apply({q.data(), 1, 16, 16}, 16, at_query);
    rope.Apply({k.data(), 1, 16, 16}, 16, at_key);
    double sum = 0;
    for (std::size_t i = 0; i < 16; ++i) sum += static_cast<double>(q[i]) * k[i];
    return sum;
  };
  EXPECT_NEAR(score(12, 5), score(4007, 4000), 16 * 12 * kUlp);
  EXPECT_GT(std::abs(score(12, 5) - score(12, 6)), 1e-3);
}

TEST(Rope, PositionsPastTheTableAndWidthsThatDoNotFitAreRefused) {
  const Rope rope(4, 10000.0f, 10);
  std::vector<float> rows(3 * 8);
  EXPECT_ERROR(rope.Apply({rows.data(), 3, 8, 8}, 8, 8), ErrorCode::kInvalidArgument, "positions");
  EXPECT_ERROR(rope.Apply({rows.data(), 3, 8, 8}, 2, 0), ErrorCode::kInvalidArgument, "do not fit");
  EXPECT_ERROR(Rope(3, 10000.0f, 10), ErrorCode::kInvalidArgument, "even");
}

}  // namespace
}  // namespace fovea
