#include "lib/nn/row_codes.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "tests/support/expect_error.h"

namespace fovea {
namespace {

TEST(RowCodes, ComeBackWithinHalfAScale) {
  std::mt19937_64 random(1);
  std::normal_distribution<float> normal(0, 3);
  Matrix rows(5, 130);
  for (std::size_t i = 0; i < 5 * 130; ++i) rows.data()[i] = normal(random);
  const RowCodes quantized = QuantizeRows(rows.view());
  Matrix back(5, 130);
  DequantizeRows(quantized.codes, quantized.scales, back.view());
  for (std::size_t r = 0; r < 5; ++r) {
    float greatest = 0;
    for (const float value : rows.row(r)) greatest = std::max(greatest, std::abs(value));
    EXPECT_FLOAT_EQ(quantized.scales[r], greatest / 127);
    // Half a scale, and the rounding of scale, quotient and product (a unit of f32 each).
    const float bound =
        quantized.scales[r] / 2 + 3 * greatest * std::numeric_limits<float>::epsilon();
    for (std::size_t i = 0; i < 130; ++i)
      EXPECT_LE(std::abs(back.row(r)[i] - rows.row(r)[i]), bound) << r << ", " << i;
  }
}

TEST(RowCodes, ComeBackAsTheyWereTheSecondTime) {
  std::mt19937_64 random(2);
  std::normal_distribution<float> normal;
  Matrix rows(3, 64);
  for (std::size_t i = 0; i < 3 * 64; ++i) rows.data()[i] = normal(random);
  const RowCodes once = QuantizeRows(rows.view());
  DequantizeRows(once.codes, once.scales, rows.view());
  EXPECT_EQ(QuantizeRows(rows.view()).codes, once.codes);
}

TEST(RowCodes, ZerosStayZerosAndTheSmallestNumbersStayFinite) {
  Matrix rows(2, 3);
  std::fill_n(rows.data(), 6, 0.0f);
  rows.row(1)[1] = std::numeric_limits<float>::denorm_min();
  const RowCodes quantized = QuantizeRows(rows.view());
  Matrix back(2, 3);
  DequantizeRows(quantized.codes, quantized.scales, back.view());
  for (std::size_t i = 0; i < 6; ++i) EXPECT_TRUE(std::isfinite(back.data()[i]));
  EXPECT_EQ(back.row(0)[0], 0.0f);
}

TEST(RowCodes, OfNothingAreNothing) {
  const RowCodes quantized = QuantizeRows({});
  EXPECT_TRUE(quantized.codes.empty());
  EXPECT_TRUE(quantized.scales.empty());
}

TEST(RowCodes, RefuseWhatIsNotFiniteAndSizesThatDoNotFit) {
  Matrix rows(1, 2);
  rows.data()[0] = 1;
  rows.data()[1] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_ERROR(QuantizeRows(rows.view()), ErrorCode::kInvalidArgument, "not finite");
  const RowCodes quantized{{1, 2, 3}, {1.0f}};
  EXPECT_ERROR(DequantizeRows(quantized.codes, quantized.scales, rows.view()),
               ErrorCode::kInvalidArgument, "3 codes and 1 scales");
}

}  // namespace
}  // namespace fovea
