#include "lib/kernels/kernels.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

#include "lib/kernels/isa.h"
#include "lib/kernels/kernel_table.h"
#include "tests/reference/weights.h"
#include "tests/support/expect_error.h"

namespace fovea {
namespace {

using reference::RandomFloats;

constexpr double kUlp = std::numeric_limits<float>::epsilon() / 2;
constexpr float kInfinity = std::numeric_limits<float>::infinity();
// Vector widths of all instruction sets and their neighbours, and longer rows.
constexpr std::size_t kLengths[] = {0,  1,  2,  3,  4,  5,  7,  8,   9,   15,  16,
                                    17, 31, 32, 33, 63, 64, 65, 127, 384, 1001};

// A row that starts one float past an aligned address.
struct LooseRow {
  LooseRow(std::size_t n, std::mt19937& random) : storage(RandomFloats(n + 1, random)) {}
  std::span<float> get() { return std::span<float>(storage).subspan(1); }
  std::vector<float> storage;
};

class RowKernels : public testing::TestWithParam<Isa> {
 protected:
  ScopedIsa forced_{GetParam()};
  std::mt19937 random_{7};
};

INSTANTIATE_TEST_SUITE_P(EveryIsa, RowKernels, testing::ValuesIn(AvailableIsas()),
                         [](const auto& isa) { return std::string(Name(isa.param)); });

// Each term and each addition rounds once: (n + 1) ulp of Σ|a b|, whatever the order (Higham
// 2002, 3.1).
TEST_P(RowKernels, DotAndDotRowsEqualTheSumInDouble) {
  for (std::size_t n : kLengths) {
    LooseRow a(n, random_);
    constexpr std::size_t kRows = 5;
    std::vector<float> rows = RandomFloats(kRows * (n + 2), random_);
    std::vector<float> out(kRows);
    DotRows(a.get(), {rows.data(), kRows, n, n + 2}, out);
    for (std::size_t r = 0; r < kRows; ++r) {
      double sum = 0;
      double magnitude = 0;
      for (std::size_t i = 0; i < n; ++i) {
        const double term = static_cast<double>(a.get()[i]) * rows[r * (n + 2) + i];
        sum += term;
        magnitude += std::abs(term);
      }
      EXPECT_NEAR(out[r], sum, (static_cast<double>(n) + 1) * kUlp * magnitude) << n;
      EXPECT_EQ(out[r], Dot(a.get(), std::span(rows).subspan(r * (n + 2), n))) << n;
    }
  }
}

TEST_P(RowKernels, DotRefusesRowsOfDifferentLength) {
  const std::vector<float> a(3);
  const std::vector<float> b(4);
  EXPECT_ERROR(Dot(a, b), ErrorCode::kInvalidArgument, "dot product");
}

// exp of a difference that is off by one ulp of |x| <= 40, the sum of n terms, the division.
TEST_P(RowKernels, SoftmaxEqualsTheFormula) {
  for (std::size_t n : kLengths) {
    LooseRow row(n, random_);
    for (float& x : row.get()) x *= 20;
    std::vector<double> expected(row.get().begin(), row.get().end());
    double sum = 0;
    for (double& x : expected) sum += x = std::exp(x);
    SoftmaxInPlace(row.get());
    for (std::size_t i = 0; i < n; ++i) {
      const double weight = expected[i] / sum;
      EXPECT_NEAR(row.get()[i], weight, (40 + static_cast<double>(n) + 8) * kUlp * weight) << n;
    }
  }
}

// Every finite half comes back from itself and from floats nearer to it than to its neighbours;
// from half way, the even one.
TEST_P(RowKernels, RoundToF16GivesTheNearestHalf) {
  const auto round = CurrentKernels().round_to_f16;
  for (const std::uint16_t sign : {std::uint16_t{0}, std::uint16_t{0x8000}}) {
    std::vector<float> floats;
    std::vector<std::uint16_t> expected;
    for (std::uint16_t half = 0; half < 0x7C00; ++half) {
      const auto bits = static_cast<std::uint16_t>(sign | half);
      const double value = reference::HalfValue(bits);
      floats.push_back(static_cast<float>(value));
      expected.push_back(bits);
      if (half == 0x7BFF) break;
      const auto next = static_cast<std::uint16_t>(bits + 1);
      const auto middle = static_cast<float>((value + reference::HalfValue(next)) / 2);  // Exact.
      floats.push_back(middle);
      expected.push_back(half % 2 == 0 ? bits : next);
      floats.push_back(std::nextafter(middle, 0.0f));
      expected.push_back(bits);
      floats.push_back(std::nextafter(middle, sign == 0 ? kInfinity : -kInfinity));
      expected.push_back(next);
    }
    for (const float beyond : {65505.0f, 65520.0f, 1e38f, kInfinity}) {
      floats.push_back(sign == 0 ? beyond : -beyond);
      expected.push_back(static_cast<std::uint16_t>(sign | 0x7BFF));
    }
    std::vector<std::uint16_t> halves(floats.size());
    round(floats.data(), floats.size(), halves.data());
    EXPECT_EQ(halves, expected);
  }
  const float nan = std::numeric_limits<float>::quiet_NaN();
  std::uint16_t half = 0;
  round(&nan, 1, &half);
  EXPECT_GT(half & 0x7FFF, 0x7C00);
}

TEST_P(RowKernels, RoundToF16TakesRowsOfAnyLength) {
  for (std::size_t n : kLengths) {
    LooseRow row(n, random_);
    std::vector<std::uint16_t> halves(n + 1, 0xABCD);
    CurrentKernels().round_to_f16(row.get().data(), n, halves.data());
    for (std::size_t i = 0; i < n; ++i) {
      // Numbers below 1: half a unit of 11 bits.
      EXPECT_NEAR(reference::HalfValue(halves[i]), row.get()[i], 0x1p-12) << n;
    }
    EXPECT_EQ(halves[n], 0xABCD) << n;
  }
}

TEST_P(RowKernels, SoftmaxGivesMinusInfinityExactlyNothing) {
  for (std::size_t n : {2u, 9u, 17u, 40u}) {
    std::vector<float> row(n, -kInfinity);
    row[n - 1] = 3;
    SoftmaxInPlace(row);
    for (std::size_t i = 0; i + 1 < n; ++i) EXPECT_EQ(row[i], 0.0f);
    EXPECT_EQ(row[n - 1], 1.0f);

    row.assign(n, -kInfinity);
    SoftmaxInPlace(row);
    for (float x : row) EXPECT_EQ(x, 0.0f);
  }
}

TEST_P(RowKernels, SoftmaxOfHugeAndTinyScoresStaysFinite) {
  std::vector<float> row = {1e38f, -1e38f, 1e38f, 0};
  SoftmaxInPlace(row);
  EXPECT_EQ(row, (std::vector<float>{0.5f, 0, 0.5f, 0}));
}

struct Moments {
  double mean = 0;
  double variance = 0;
  double mean_square = 0;
};

Moments MomentsOf(std::span<const float> row) {
  Moments moments;
  const double n = static_cast<double>(row.size());
  for (double x : row) moments.mean += x / n;
  for (double x : row) moments.variance += (x - moments.mean) * (x - moments.mean) / n;
  for (double x : row) moments.mean_square += x * x / n;
  return moments;
}

// |x| < 1 about a mean of at most 10: the mean is off by at most n ulp of 11 (in f32), which enters
// every centred value; the deviation is about 0.5. Rows of one equal value give beta, whatever the
// rounding.
TEST_P(RowKernels, LayerNormEqualsTheFormulaAlsoInPlace) {
  for (std::size_t n : kLengths) {
    if (n < 2) continue;
    LooseRow row(n, random_);
    for (float& x : row.get()) x += 2;
    const std::vector<float> gamma = RandomFloats(n, random_);
    const std::vector<float> beta = RandomFloats(n, random_);
    const Moments moments = MomentsOf(row.get());
    std::vector<double> expected(n);
    for (std::size_t i = 0; i < n; ++i) {
      expected[i] =
          (row.get()[i] - moments.mean) / std::sqrt(moments.variance + 1e-5) * gamma[i] + beta[i];
    }
    const MatrixView view{row.get().data(), 1, n, n};
    LayerNorm(view, gamma, beta, 1e-5f, view);
    const double bound =
        (3.0 * static_cast<double>(n) + 16) * kUlp / std::sqrt(moments.variance + 1e-5);
    for (std::size_t i = 0; i < n; ++i) EXPECT_NEAR(row.get()[i], expected[i], bound) << n;
  }
}

TEST_P(RowKernels, LayerNormGivesWhatItsGradientNeeds) {
  for (std::size_t n : kLengths) {
    if (n < 2) continue;
    LooseRow row(n, random_), normal(n, random_), out(n, random_);
    const std::vector<float> gamma = RandomFloats(n, random_);
    const std::vector<float> beta = RandomFloats(n, random_);
    const Moments moments = MomentsOf(row.get());
    const double inverse = 1 / std::sqrt(moments.variance + 1e-5);
    const float got = CurrentKernels().layer_norm(row.get().data(), gamma.data(), beta.data(),
                                                  1e-5f, n, normal.get().data(), out.get().data());
    const double bound = (3.0 * static_cast<double>(n) + 16) * kUlp * inverse;
    EXPECT_NEAR(got, inverse, bound * inverse) << n;
    for (std::size_t i = 0; i < n; ++i) {
      EXPECT_NEAR(normal.get()[i], (row.get()[i] - moments.mean) * inverse, bound) << n;
      EXPECT_NEAR(out.get()[i], normal.get()[i] * gamma[i] + beta[i], 4 * kUlp * (1 + inverse));
    }
  }
}

TEST_P(RowKernels, LayerNormGradientEqualsTheFormulaAlsoInPlace) {
  for (std::size_t n : kLengths) {
    if (n == 0) continue;
    LooseRow dy(n, random_);
    const std::vector<float> normal = RandomFloats(n, random_);
    const std::vector<float> gamma = RandomFloats(n, random_);
    double mean = 0, projection = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const double g = static_cast<double>(dy.get()[i]) * gamma[i] / static_cast<double>(n);
      mean += g;
      projection += g * normal[i];
    }
    std::vector<double> expected(n);
    for (std::size_t i = 0; i < n; ++i) {
      expected[i] =
          1.5 * (static_cast<double>(dy.get()[i]) * gamma[i] - mean - normal[i] * projection);
    }
    CurrentKernels().layer_norm_gradient(normal.data(), gamma.data(), dy.get().data(), 1.5f, n,
                                         dy.get().data());
    // Means of numbers below 1, each of n + 2 roundings, then a few more.
    const double bound = 1.5 * (2 * static_cast<double>(n) + 16) * kUlp;
    for (std::size_t i = 0; i < n; ++i) EXPECT_NEAR(dy.get()[i], expected[i], bound) << n;
  }
}

TEST_P(RowKernels, RmsNormEqualsTheFormulaAlsoInPlace) {
  for (std::size_t n : kLengths) {
    if (n == 0) continue;
    LooseRow row(n, random_);
    const std::vector<float> gamma = RandomFloats(n, random_);
    const double inverse = 1 / std::sqrt(MomentsOf(row.get()).mean_square + 1e-5);
    std::vector<double> expected(n);
    for (std::size_t i = 0; i < n; ++i) expected[i] = row.get()[i] * inverse * gamma[i];
    const MatrixView view{row.get().data(), 1, n, n};
    RmsNorm(view, gamma, 1e-5f, view);
    for (std::size_t i = 0; i < n; ++i) {
      EXPECT_NEAR(row.get()[i], expected[i],
                  (static_cast<double>(n) + 8) * kUlp * std::abs(expected[i]))
          << n;
    }
  }
}

TEST_P(RowKernels, NormalizeGivesUnitLengthForAnyMagnitudeAndLeavesZeroAlone) {
  for (float magnitude : {1.0f, 1e-30f, 1e30f, 1e-40f}) {
    std::vector<float> row = {3 * magnitude, 0, -4 * magnitude};
    NormalizeInPlace(row);
    EXPECT_NEAR(row[0], 0.6, 1e-4) << magnitude;
    EXPECT_NEAR(row[2], -0.8, 1e-4) << magnitude;
  }
  std::vector<float> zero(17, 0.0f);
  NormalizeInPlace(zero);
  EXPECT_EQ(zero, std::vector<float>(17, 0.0f));
  NormalizeInPlace({});
}

// Applies an activation through the only door there is: a matmul with the one-by-one identity.
std::vector<float> Activate(Activation activation, const std::vector<float>& x) {
  const float one = 1;
  const PackedMatrix identity(WeightType::kF32, std::as_bytes(std::span(&one, 1)), 1, 1);
  std::vector<float> out(x.size());
  MatMul({x.data(), x.size(), 1, 1}, identity, {.activation = activation},
         {out.data(), out.size(), 1, 1}, nullptr);
  return out;
}

std::vector<float> ActivationInputs() {
  std::vector<float> x;
  for (int i = -2400; i <= 2400; ++i) x.push_back(static_cast<float>(i) / 200);
  x.insert(x.end(), {0.0f, -0.0f, 1e-20f, -1e-20f, 60.0f, -60.0f, 1000.0f, -1000.0f});
  return x;
}

// 1 + erf is off by a few ulp of its size at most 2, which is a few ulp of |x|.
TEST_P(RowKernels, GeluIsTheExactOne) {
  const std::vector<float> x = ActivationInputs();
  const std::vector<float> y = Activate(Activation::kGelu, x);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double expected = 0.5 * x[i] * std::erfc(-static_cast<double>(x[i]) / std::sqrt(2.0));
    EXPECT_NEAR(y[i], expected, 4 * kUlp * std::abs(x[i])) << x[i];
  }
}

TEST_P(RowKernels, SiluIsXTimesTheLogisticFunction) {
  const std::vector<float> x = ActivationInputs();
  const std::vector<float> y = Activate(Activation::kSilu, x);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double expected = x[i] / (1 + std::exp(-static_cast<double>(x[i])));
    // e^{−x} is rounded relatively by its exponent's half ulp of |x|, and saturates at e^{88}.
    const double bound = (std::abs(x[i]) + 8) * kUlp * std::abs(expected);
    EXPECT_NEAR(y[i], expected, bound + 1.01 * std::exp(-88.0) * std::abs(x[i])) << x[i];
  }
}

TEST_P(RowKernels, NotANumberIsPassedOn) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(std::isnan(Activate(Activation::kGelu, {nan})[0]));
  EXPECT_TRUE(std::isnan(Activate(Activation::kSilu, {nan})[0]));
}

}  // namespace
}  // namespace fovea
