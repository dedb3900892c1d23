#include "lib/nn/tensor_reader.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "lib/kernels/kernels.h"
#include "tests/reference/weights.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_folder.h"
#include "tests/support/tiny_models.h"

namespace fovea {
namespace {

constexpr std::size_t kWidth = 64;
const std::vector<TensorReader::Part> kParts = {
    {"blk.0.attn_q", 64}, {"blk.0.attn_k", 32}, {"blk.0.attn_v", 32}};

void Multiply(const GgufLinear& linear, ConstMatrixView input, MatrixView out) {
  Epilogue epilogue;
  if (!linear.bias.empty()) epilogue.bias = linear.bias.data();
  MatMul(input, linear.weights, epilogue, out, nullptr);
}

// The layers stacked and each by itself: the same outputs bit for bit, in `products` products.
void ExpectStackedAsSeparate(const TinyLlamaOptions& options, std::size_t products) {
  const TempFolder folder;
  const GgufFile file(folder.Write("tiny.gguf", TinyLlama(options).writer.Bytes()));
  TensorReader reader(file, {});
  std::mt19937 random(1);
  const std::vector<float> input = reference::RandomFloats(3 * kWidth, random);
  const ConstMatrixView rows = {input.data(), 3, kWidth, kWidth};
  Matrix expected(3, 128), actual(3, 128);
  std::size_t output = 0;
  for (const auto& [name, outputs] : kParts) {
    Multiply(reader.LinearLayer(name, outputs, kWidth), rows,
             expected.view().Cols(output, output + outputs));
    output += outputs;
  }
  output = 0;
  const std::vector<GgufLinear> stacked = reader.Stacked(kParts, kWidth);
  EXPECT_EQ(stacked.size(), products);
  for (const GgufLinear& linear : stacked) {
    const std::size_t end = output + linear.weights.outputs();
    Multiply(linear, rows, actual.view().Cols(output, end));
    output = end;
  }
  ASSERT_EQ(output, 128u);
  EXPECT_EQ(std::memcmp(actual.data(), expected.data(), 3 * 128 * sizeof(float)), 0);
}

TEST(TensorReader, StackedLayersComputeWhatEachComputes) {
  for (const std::string architecture : {"llama", "qwen2"}) {  // Without and with biases.
    ExpectStackedAsSeparate({.architecture = architecture}, 1);
    ExpectStackedAsSeparate({.type = WeightType::kQ4_1, .architecture = architecture}, 1);
    ExpectStackedAsSeparate(
        {.type = WeightType::kQ4_1, .architecture = architecture, .key_type = WeightType::kQ8_0},
        3);
  }
}

TEST(TensorReader, AMissingTensorAndAWrongShapeAreNamed) {
  const TempFolder folder;
  const GgufFile file(folder.Write("tiny.gguf", TinyLlama().writer.Bytes()));
  TensorReader reader(file, {});
  EXPECT_ERROR(reader.Stacked({{"blk.0.attn_q", 64}, {"blk.0.none", 32}}, kWidth),
               ErrorCode::kCorrupt, "blk.0.none.weight");
  EXPECT_ERROR(reader.Stacked({{"blk.0.attn_q", 64}, {"blk.0.attn_k", 33}}, kWidth),
               ErrorCode::kCorrupt, "shape");
  EXPECT_ERROR(reader.CheckAllTaken(), ErrorCode::kUnsupported, "no place");
}

}  // namespace
}  // namespace fovea
