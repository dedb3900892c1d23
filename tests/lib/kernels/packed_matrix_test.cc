#include "lib/kernels/packed_matrix.h"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "lib/base/thread_pool.h"
#include "lib/kernels/isa.h"
#include "tests/lib/text/golden_texts.h"
#include "tests/reference/weights.h"
#include "tests/support/expect_error.h"

namespace fovea {
namespace {

std::vector<std::byte> FromHex(const std::string& hex) {
  std::vector<std::byte> bytes(hex.size() / 2);
  for (std::size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<std::byte>(std::stoi(hex.substr(2 * i, 2), nullptr, 16));
  return bytes;
}


TEST(PackedMatrix, RowBytesAreThoseOfGguf) {
  EXPECT_EQ(RowBytes(WeightType::kF32, 7), 28u);
  EXPECT_EQ(RowBytes(WeightType::kF16, 7), 14u);
  EXPECT_EQ(RowBytes(WeightType::kQ8_0, 64), 68u);
  EXPECT_EQ(RowBytes(WeightType::kQ4_0, 64), 36u);
  EXPECT_EQ(RowBytes(WeightType::kQ4_1, 64), 40u);
  EXPECT_EQ(RowBytes(WeightType::kQ5_0, 64), 44u);
  EXPECT_EQ(RowBytes(WeightType::kQ5_1, 64), 48u);
  EXPECT_EQ(RowBytes(WeightType::kQ4_K, 512), 288u);
  EXPECT_EQ(RowBytes(WeightType::kQ5_K, 512), 352u);
  EXPECT_EQ(RowBytes(WeightType::kQ6_K, 512), 420u);
  EXPECT_EQ(RowBytes(WeightType::kQ4_1, 0), 0u);
}

TEST(PackedMatrix, RowsComeBackAsTheReferenceDequantisesThem) {
  std::mt19937 random(1);
  for (WeightType type : reference::kWeightTypes) {
    for (std::size_t outputs : {1u, 15u, 16u, 17u, 40u}) {
      for (std::size_t inputs : {32u, 96u, 256u, 288u, 768u}) {
        if (inputs % reference::BlockWeights(type) != 0) continue;
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

// blocks.json: random blocks of every type, as the gguf Python package dequantises them.
TEST(PackedMatrix, BlocksAreDequantisedAsByTheGgufPackage) {
  const std::map<std::string, WeightType> types = {
      {"Q8_0", WeightType::kQ8_0}, {"Q4_0", WeightType::kQ4_0}, {"Q4_1", WeightType::kQ4_1},
      {"Q5_0", WeightType::kQ5_0}, {"Q5_1", WeightType::kQ5_1}, {"Q4_K", WeightType::kQ4_K},
      {"Q5_K", WeightType::kQ5_K}, {"Q6_K", WeightType::kQ6_K}};
  const nlohmann::json goldens = ReadGolden("blocks.json");
  EXPECT_EQ(goldens.size(), types.size());
  for (const auto& [name, type] : types) {
    const std::vector<std::byte> bytes = FromHex(goldens.at(name).at("bytes"));
    const std::vector<std::byte> values = FromHex(goldens.at(name).at("values"));
    std::vector<float> expected(values.size() / sizeof(float));
    std::memcpy(expected.data(), values.data(), values.size());
    for (Isa isa : AvailableIsas()) {
      const ScopedIsa scoped(isa);
      const PackedMatrix packed(type, bytes, 1, expected.size());
      std::vector<float> row(expected.size());
      packed.DequantizeRow(0, row);
      for (std::size_t i = 0; i < row.size(); ++i)
        ASSERT_EQ(row[i], expected[i]) << name << " weight " << i << " " << Name(isa);
    }
  }
}

TEST(PackedMatrix, PackingWithThreadsGivesTheSameWeights) {
  std::mt19937 random(3);
  ThreadPool pool(3);
  for (WeightType type : reference::kWeightTypes) {
    const reference::Weights weights = reference::RandomWeights(type, 2000, 256, random);
    const PackedMatrix packed(type, weights.bytes, 2000, 256);
    const PackedMatrix parallel(type, weights.bytes, 2000, 256, {.pool = &pool});
    std::vector<float> row(256), same(256);
    for (std::size_t n = 0; n < 2000; ++n) {
      packed.DequantizeRow(n, row);
      parallel.DequantizeRow(n, same);
      ASSERT_EQ(row, same) << static_cast<int>(type) << " row " << n;
    }
  }
}

TEST(PackedMatrix, SizesThatDoNotFitAreRefused) {
  const std::vector<std::byte> bytes(100);
  EXPECT_ERROR(RowBytes(WeightType::kQ4_1, 33), ErrorCode::kInvalidArgument, "whole blocks");
  EXPECT_ERROR(RowBytes(WeightType::kQ6_K, 288), ErrorCode::kInvalidArgument, "blocks of 256");
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
