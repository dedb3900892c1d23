#include "lib/kernels/packed_matrix.h"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "tests/reference/weights.h"
#include "tests/support/expect_error.h"

namespace fovea {
namespace {

constexpr WeightType kTypes[] = {WeightType::kF32, WeightType::kF16, WeightType::kQ8_0,
                                 WeightType::kQ4_0, WeightType::kQ4_1};

TEST(PackedMatrix, RowBytesAreThoseOfGguf) {
  EXPECT_EQ(RowBytes(WeightType::kF32, 7), 28u);
  EXPECT_EQ(RowBytes(WeightType::kF16, 7), 14u);
  EXPECT_EQ(RowBytes(WeightType::kQ8_0, 64), 68u);
  EXPECT_EQ(RowBytes(WeightType::kQ4_0, 64), 36u);
  EXPECT_EQ(RowBytes(WeightType::kQ4_1, 64), 40u);
  EXPECT_EQ(RowBytes(WeightType::kQ4_1, 0), 0u);
}

TEST(PackedMatrix, RowsComeBackAsTheReferenceDequantisesThem) {
  std::mt19937 random(1);
  for (WeightType type : kTypes) {
    for (std::size_t outputs : {1u, 15u, 16u, 17u, 40u}) {
      for (std::size_t inputs : {32u, 96u, 288u}) {
        const reference::Weights weights = reference::RandomWeights(type, outputs, inputs, random);
        // One byte past alignment, as a tensor in a mapped file can be.
        std::vector<std::byte> shifted(weights.bytes.size() + 1);
        std::memcpy(shifted.data() + 1, weights.bytes.data(), weights.bytes.size());
        const PackedMatrix packed(type, std::span(shifted).subspan(1), outputs, inputs);
        EXPECT_EQ(packed.outputs(), outputs);
        EXPECT_EQ(packed.inputs(), inputs);
        EXPECT_EQ(packed.type(), type);
        std::vector<float> row(inputs);
        for (std::size_t n = 0; n < outputs; ++n) {
          packed.DequantizeRow(n, row);
          // scale · q is exact in f32; adding the minimum rounds once, as converting the double
          // does.
          for (std::size_t i = 0; i < inputs; ++i) {
            ASSERT_EQ(row[i], static_cast<float>(weights.values[n * inputs + i]))
                << static_cast<int>(type);
          }
        }
      }
    }
  }
}

TEST(PackedMatrix, SizesThatDoNotFitAreRefused) {
  const std::vector<std::byte> bytes(100);
  EXPECT_ERROR(RowBytes(WeightType::kQ4_1, 33), ErrorCode::kInvalidArgument, "whole blocks");
  EXPECT_ERROR(PackedMatrix(WeightType::kF32, bytes, 5, 6), ErrorCode::kInvalidArgument,
               "120 bytes expected");
  EXPECT_ERROR(
      PackedMatrix(WeightType::kF32, bytes, std::numeric_limits<std::size_t>::max() / 2, 6),
      ErrorCode::kInvalidArgument, "does not fit");
  const PackedMatrix packed(WeightType::kF32, bytes, 5, 5);
  std::vector<float> row(5);
  EXPECT_ERROR(packed.DequantizeRow(5, row), ErrorCode::kInvalidArgument, "row 5");
  row.resize(4);
  EXPECT_ERROR(packed.DequantizeRow(0, row), ErrorCode::kInvalidArgument, "into 4");
}

TEST(PackedMatrix, EmptyMatrixHoldsNothing) {
  const PackedMatrix none;
  EXPECT_EQ(none.outputs(), 0u);
  EXPECT_EQ(none.inputs(), 0u);
}

}  // namespace
}  // namespace fovea
