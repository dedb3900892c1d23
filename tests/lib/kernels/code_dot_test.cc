#include "lib/kernels/code_dot.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "lib/kernels/isa.h"
#include "tests/reference/weights.h"
#include "tests/support/expect_error.h"

namespace fovea {
namespace {

using Codes = std::vector<std::int8_t>;

std::int32_t SumOfProducts(const std::int8_t* a, const std::int8_t* b, std::size_t n) {
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < n; ++i) sum += static_cast<std::int64_t>(a[i]) * b[i];
  return static_cast<std::int32_t>(sum);
}

// `count` rows that start one byte past an aligned address.
struct LooseRows {
  LooseRows(std::size_t count, std::size_t stride, std::mt19937& random, int least, int greatest)
      : storage(count * stride + 1), view{storage.data() + 1, count, stride} {
    std::uniform_int_distribution<int> code(least, greatest);
    for (std::int8_t& c : storage) c = static_cast<std::int8_t>(code(random));
  }
  Codes storage;
  CodeRows view;
};

class CodeDot : public testing::TestWithParam<Isa> {
 protected:
  ScopedIsa forced_{GetParam()};
  std::mt19937 random_{17};
};

INSTANTIATE_TEST_SUITE_P(EveryIsa, CodeDot, testing::ValuesIn(AvailableIsas()),
                         [](const auto& isa) { return std::string(Name(isa.param)); });

TEST_P(CodeDot, ProductsAreExactWhereverTheRowsLie) {
  for (const std::size_t stride : {64, 128, 192, 384, 1024}) {
    for (const std::size_t count : {0, 1, 2, 3, 4, 5, 7, 8, 9, 12, 13, 40}) {
      const LooseRows rows(count, stride, random_, -127, 127);
      const LooseRows query(1, stride, random_, -127, 127);
      const std::span<const std::int8_t> q(query.view.data, stride);
      std::vector<std::int32_t> in_order(count);
      CodeDotRows(q, rows.view, in_order);
      std::vector<std::uint32_t> listed;
      for (std::size_t j = 0; j < count; ++j) {
        listed.push_back(static_cast<std::uint32_t>((j * 7 + 3) % count));
      }
      std::vector<std::int32_t> picked(count);
      CodeDotListed(q, rows.view, listed, picked);
      for (std::size_t r = 0; r < count; ++r) {
        EXPECT_EQ(in_order[r], SumOfProducts(q.data(), rows.view.row(r), stride));
        EXPECT_EQ(picked[r], in_order[listed[r]]);
      }
    }
  }
}

// Where 16-bit sums of two products would saturate if a code could be −128.
TEST_P(CodeDot, TheGreatestProductsDoNotSaturate) {
  for (const int a : {-127, 127}) {
    for (const int b : {-127, 127}) {
      const std::size_t n = 131'072;
      const Codes query(n, static_cast<std::int8_t>(a));
      const Codes row(n, static_cast<std::int8_t>(b));
      std::int32_t out = 0;
      CodeDotRows(query, {row.data(), 1, n}, {&out, 1});
      EXPECT_EQ(out, a * b * static_cast<int>(n));
    }
  }
}

TEST(EncodeRow, LosesNoMoreThanItSays) {
  std::mt19937 random(5);
  for (const std::size_t dimensions : {1, 15, 63, 64, 65, 384}) {
    const std::vector<float> x = reference::RandomFloats(dimensions, random);
    Codes codes(CodeStride(dimensions), 99);
    const CodeScale scale = EncodeRow(x, codes);
    double lost = 0;
    for (std::size_t i = 0; i < dimensions; ++i) {
      EXPECT_LE(std::abs(codes[i]), 127);
      const double rest = static_cast<double>(x[i]) - static_cast<double>(scale.scale) * codes[i];
      // Half a step, and the rounding of x / scale.
      EXPECT_LE(std::abs(rest), static_cast<double>(scale.scale) * (0.5 + 127 * 1.2e-7));
      lost += rest * rest;
    }
    EXPECT_LE(std::sqrt(lost), scale.error);
    EXPECT_GE(std::sqrt(lost), scale.error * 0.999);
    for (std::size_t i = dimensions; i < codes.size(); ++i) EXPECT_EQ(codes[i], 0);
  }
}

TEST(EncodeRow, ZerosAndTheSmallestNumbersHaveNoScale) {
  for (const float tiny : {0.0f, -0.0f, 1e-45f}) {
    const std::vector<float> x(10, tiny);
    Codes codes(64, 1);
    const CodeScale scale = EncodeRow(x, codes);
    EXPECT_EQ(scale.scale, 0.0f);
    EXPECT_EQ(codes, Codes(64, 0));
    EXPECT_GE(scale.error, std::sqrt(10.0f) * std::fabs(tiny));
  }
}

TEST(CodeDotShapes, ThatDoNotFitAreRefused) {
  const Codes row(128, 1);
  std::int32_t out = 0;
  EXPECT_ERROR(CodeDotRows(std::span(row).first(64), {row.data(), 1, 128}, {&out, 1}),
               ErrorCode::kInvalidArgument, "products of codes");
  EXPECT_ERROR(CodeDotRows(row, {row.data(), 1, 128}, {}), ErrorCode::kInvalidArgument,
               "products of codes");
}

}  // namespace
}  // namespace fovea
