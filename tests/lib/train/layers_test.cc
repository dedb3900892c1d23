#include "lib/train/layers.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "lib/base/thread_pool.h"
#include "lib/kernels/isa.h"
#include "tests/reference/training.h"

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

TEST(Dropout, DropsAboutItsShareAndKeepsTheMean) {
  Matrix x(200, 501);
  const std::size_t n = 200 * 501;
  std::fill_n(x.data(), n, 1.0f);
  DropoutInPlace(x.view(), 0.1f, 5, nullptr);
  const auto dropped = static_cast<double>(std::count(x.data(), x.data() + n, 0.0f));
  const double mean = std::accumulate(x.data(), x.data() + n, 0.0) / static_cast<double>(n);
  // Five standard deviations of a binomial of 100,200 draws.
  EXPECT_NEAR(dropped / static_cast<double>(n), 0.1, 5 * std::sqrt(0.09 / static_cast<double>(n)));
  EXPECT_NEAR(mean, 1.0, 0.006);
}

TEST(Dropout, FollowsFromTheSeedAloneWhateverTheThreads) {
  const auto drop = [](std::uint64_t seed, ThreadPool* pool) {
    Matrix x(100, 37);
    std::fill_n(x.data(), 3700, 1.0f);
    DropoutInPlace(x.view(), 0.5f, seed, pool);
    return std::vector<float>(x.data(), x.data() + 3700);
  };
  ThreadPool pool(3);
  EXPECT_EQ(drop(1, nullptr), drop(1, &pool));
  EXPECT_NE(drop(1, nullptr), drop(2, nullptr));
}

TEST(Dropout, OfRateZeroDoesNothing) {
  Matrix x(1, 4);
  std::iota(x.data(), x.data() + 4, 1.0f);
  DropoutInPlace(x.view(), 0, 1, nullptr);
  EXPECT_EQ(std::vector<float>(x.data(), x.data() + 4), (std::vector<float>{1, 2, 3, 4}));
}

}  // namespace
}  // namespace fovea
