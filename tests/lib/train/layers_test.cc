#include "lib/train/layers.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "lib/base/thread_pool.h"
#include "lib/kernels/isa.h"
#include "tests/reference/training.h"
#include "tests/reference/weights.h"

namespace fovea {
namespace {

class GeluGradient : public testing::TestWithParam<Isa> {};

TEST_P(GeluGradient, IsTheDerivativeOfGelu) {
  const ScopedIsa isa(GetParam());
  for (const std::size_t n : {0, 1, 7, 8, 9, 15, 16, 17, 100}) {
    Matrix x(1, n), dy(1, n), dx(1, n);
    for (std::size_t i = 0; i < n; ++i) {
      x.data()[i] = -6.0f + 12.0f * static_cast<float>(i) / static_cast<float>(n);
      dy.data()[i] = 0.5f + static_cast<float>(i % 3);
    }
    GeluBackward(x.view(), dy.view(), dx.view(), nullptr);
    for (std::size_t i = 0; i < n; ++i) {
      reference::DoubleMatrix value{1, 1, {static_cast<double>(x.data()[i])}};
      const double slope =
          reference::Derivative([&] { return reference::Gelu(value).values[0]; }, value.values[0]);
      EXPECT_NEAR(dx.data()[i], dy.data()[i] * slope, 1e-6 * (1 + dy.data()[i]));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(EveryIsa, GeluGradient, testing::ValuesIn(AvailableIsas()),
                         [](const auto& isa) { return std::string(Name(isa.param)); });

Matrix Ones(std::size_t rows, std::size_t cols) {
  Matrix ones(rows, cols);
  std::fill_n(ones.data(), rows * cols, 1.0f);
  return ones;
}

TEST(Dropout, DropsAboutItsShareAndKeepsTheMean) {
  Matrix x = Ones(200, 501);
  const std::size_t n = 200 * 501;
  Dropout(x.view(), 0.1f, 5, {}, x.view(), nullptr);
  const auto dropped = static_cast<double>(std::count(x.data(), x.data() + n, 0.0f));
  const double mean = std::accumulate(x.data(), x.data() + n, 0.0) / static_cast<double>(n);
  // Five standard deviations of a binomial of 100,200 draws.
  EXPECT_NEAR(dropped / static_cast<double>(n), 0.1, 5 * std::sqrt(0.09 / static_cast<double>(n)));
  EXPECT_NEAR(mean, 1.0, 0.006);
}

// Neighbours in a row, in a column, and those that one draw of 32 bits decides, 8 apart.
TEST(Dropout, DropsNumbersIndependentlyOfEachOther) {
  constexpr std::size_t kRows = 300, kCols = 384;
  Matrix x = Ones(kRows, kCols);
  Dropout(x.view(), 0.5f, 7, {}, x.view(), nullptr);
  const auto both_dropped = [&](std::size_t down, std::size_t right) {
    std::size_t count = 0;
    for (std::size_t r = 0; r + down < kRows; ++r) {
      for (std::size_t c = 0; c + right < kCols; ++c)
        count += x.row(r)[c] == 0 && x.row(r + down)[c + right] == 0 ? 1 : 0;
    }
    return static_cast<double>(count) / static_cast<double>((kRows - down) * (kCols - right));
  };
  // Five standard deviations: 5 √(0.25 · 0.75 / 110,000).
  for (const auto& [down, right] :
       {std::pair{0u, 1u}, {0u, 8u}, {0u, 16u}, {1u, 0u}, {1u, 1u}, {2u, 0u}})
    EXPECT_NEAR(both_dropped(down, right), 0.25, 0.0066) << down << " " << right;
}

TEST(Dropout, FollowsFromTheSeedAloneWhateverTheThreads) {
  const auto drop = [](std::uint64_t seed, ThreadPool* pool) {
    Matrix x = Ones(100, 37);
    Dropout(x.view(), 0.5f, seed, {}, x.view(), pool);
    return std::vector<float>(x.data(), x.data() + 3700);
  };
  ThreadPool pool(3);
  EXPECT_EQ(drop(1, nullptr), drop(1, &pool));
  EXPECT_NE(drop(1, nullptr), drop(2, nullptr));
}

TEST(Dropout, AddsTheResidualToWhatIsLeft) {
  const Matrix x = Ones(20, 37), residual = reference::RandomMatrix(20, 37, 1, 3);
  Matrix dropped(20, 37), sum(20, 37), none(20, 37);
  Dropout(x.view(), 0.5f, 1, {}, dropped.view(), nullptr);
  Dropout(x.view(), 0.5f, 1, residual.view(), sum.view(), nullptr);
  Dropout(x.view(), 0, 1, residual.view(), none.view(), nullptr);
  for (std::size_t i = 0; i < 20 * 37; ++i) {
    EXPECT_TRUE(dropped.data()[i] == 0 || dropped.data()[i] == 2);
    EXPECT_EQ(sum.data()[i], dropped.data()[i] + residual.data()[i]);
    EXPECT_EQ(none.data()[i], 1 + residual.data()[i]);
  }
}

}  // namespace
}  // namespace fovea
