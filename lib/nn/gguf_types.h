// The tensor types of GGUF files with their block sizes.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "lib/kernels/weight_type.h"

namespace fovea {

struct GgufTypeSize {
  std::uint32_t type;
  std::string_view name;
  std::uint32_t weights;  // a block
  std::uint32_t bytes;    // a block
};

inline constexpr std::array<GgufTypeSize, 32> kGgufTypes = {{
    {0, "F32", 1, 4},         {1, "F16", 1, 2},         {2, "Q4_0", 32, 18},
    {3, "Q4_1", 32, 20},      {6, "Q5_0", 32, 22},      {7, "Q5_1", 32, 24},
    {8, "Q8_0", 32, 34},      {9, "Q8_1", 32, 36},      {10, "Q2_K", 256, 84},
    {11, "Q3_K", 256, 110},   {12, "Q4_K", 256, 144},   {13, "Q5_K", 256, 176},
    {14, "Q6_K", 256, 210},   {15, "Q8_K", 256, 292},   {16, "IQ2_XXS", 256, 66},
    {17, "IQ2_XS", 256, 74},  {18, "IQ3_XXS", 256, 98}, {19, "IQ1_S", 256, 50},
    {20, "IQ4_NL", 32, 18},   {21, "IQ3_S", 256, 110},  {22, "IQ2_S", 256, 82},
    {23, "IQ4_XS", 256, 136}, {24, "I8", 1, 1},         {25, "I16", 1, 2},
    {26, "I32", 1, 4},        {27, "I64", 1, 8},        {28, "F64", 1, 8},
    {29, "IQ1_M", 256, 56},   {30, "BF16", 1, 2},       {34, "TQ1_0", 256, 54},
    {35, "TQ2_0", 256, 66},   {39, "MXFP4", 32, 17},
}};

// Null if the type is not known.
inline const GgufTypeSize* FindGgufType(std::uint32_t type) {
  for (const GgufTypeSize& known : kGgufTypes) {
    if (known.type == type) return &known;
  }
  return nullptr;
}

// The weight type of a ggml_type; none if its weights cannot be read.
constexpr std::optional<WeightType> GgufWeightType(std::uint32_t type) {
  switch (type) {
    case 0:
      return WeightType::kF32;
    case 1:
      return WeightType::kF16;
    case 2:
      return WeightType::kQ4_0;
    case 3:
      return WeightType::kQ4_1;
    case 6:
      return WeightType::kQ5_0;
    case 7:
      return WeightType::kQ5_1;
    case 8:
      return WeightType::kQ8_0;
    case 12:
      return WeightType::kQ4_K;
    case 13:
      return WeightType::kQ5_K;
    case 14:
      return WeightType::kQ6_K;
    default:
      return std::nullopt;
  }
}

}  // namespace fovea
