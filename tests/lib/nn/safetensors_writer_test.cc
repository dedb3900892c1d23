#include "lib/nn/safetensors_writer.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "lib/nn/safetensors.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_folder.h"

namespace fovea {
namespace {

TEST(WriteSafetensors, IsReadBackAsItWas) {
  const TempFolder folder;
  Matrix a(2, 3), b(1, 4);
  for (std::size_t i = 0; i < 6; ++i) a.data()[i] = static_cast<float>(i) / 7;
  for (std::size_t i = 0; i < 4; ++i) b.data()[i] = -static_cast<float>(i);
  const auto path = folder.path() / "weights.safetensors";
  WriteSafetensors(path, {{"a", {2, 3}, a.view()}, {"b", {4}, b.view()}, {"none", {0, 5}, {}}},
                   {{"format", "test"}});
  const SafetensorsFile file(path);
  EXPECT_EQ(file.metadata().at("format"), "test");
  EXPECT_EQ(file.Floats("a", {2, 3}), std::vector<float>(a.data(), a.data() + 6));
  EXPECT_EQ(file.Floats("b", {4}), std::vector<float>(b.data(), b.data() + 4));
  EXPECT_TRUE(file.Floats("none", {0, 5}).empty());
}

TEST(WriteSafetensors, WritesWholeNumbersBehindTheFloats) {
  const TempFolder folder;
  Matrix a(1, 2);
  a.data()[0] = 1.5f;
  a.data()[1] = -2;
  const std::vector<std::int8_t> codes = {-127, 0, 127};
  const auto path = folder.path() / "weights.safetensors";
  WriteSafetensors(path, {{"codes", {3, 1}, std::span(codes)}, {"a", {2}, a.view()}}, {});
  const SafetensorsFile file(path);
  const SafetensorsTensor& tensor = file.tensors().at("codes");
  EXPECT_EQ(tensor.dtype, "I8");
  EXPECT_EQ(tensor.shape, (std::vector<std::size_t>{3, 1}));
  ASSERT_EQ(tensor.data.size(), codes.size());
  for (std::size_t i = 0; i < codes.size(); ++i)
    EXPECT_EQ(static_cast<std::int8_t>(tensor.data[i]), codes[i]);
  EXPECT_EQ(file.Floats("a", {2}), (std::vector<float>{1.5f, -2}));
}

TEST(WriteSafetensors, RefusesATensorThatDoesNotFitItsShape) {
  const TempFolder folder;
  const Matrix a(2, 3);
  const std::vector<std::int8_t> codes(3);
  EXPECT_ERROR(WriteSafetensors(folder.path() / "x", {{"a", {2, 2}, a.view()}}, {}),
               ErrorCode::kInvalidArgument, "tensor \"a\" does not fit its shape");
  EXPECT_ERROR(WriteSafetensors(folder.path() / "x", {{"c", {4}, std::span(codes)}}, {}),
               ErrorCode::kInvalidArgument, "tensor \"c\" does not fit its shape");
}

}  // namespace
}  // namespace fovea
