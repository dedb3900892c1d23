// IEEE 754 half precision to f32, exactly, and back, without the F16C instructions.

#pragma once

#include <bit>
#include <cstdint>

namespace fovea {

// The ISA files have their own.
inline float HalfToFloat(std::uint16_t half) {
  const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000u) << 16;
  const std::uint32_t magnitude = half & 0x7fffu;
  if (magnitude >= 0x7c00u) {  // Infinity and NaN keep their mantissa.
    return std::bit_cast<float>(sign | 0x7f800000u | ((magnitude & 0x3ffu) << 13));
  }
  // Placing the bits 13 higher scales by 2^-112, subnormals included; the product is exact.
  const float scaled = std::bit_cast<float>(magnitude << 13) * 0x1p112f;
  return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(scaled));
}

// To nearest, ties to even. What is beyond the largest half, infinity too, becomes that; NaN stays
// NaN.
inline std::uint16_t FloatToHalf(float value) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint16_t>(bits >> 16 & 0x8000u);
  std::uint32_t magnitude = bits & 0x7fffffffu;
  std::uint32_t half = 0;
  if (magnitude > 0x7f800000u) {
    half = 0x7e00u;
  } else if (magnitude >= std::bit_cast<std::uint32_t>(65504.0f)) {
    half = 0x7bffu;
  } else if (magnitude < std::bit_cast<std::uint32_t>(0x1p-14f)) {
    // Floats from 0.5 on are 2^-24 apart, as subnormal halves are: the sum is rounded as they are.
    half = std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) + 0.5f) -
           std::bit_cast<std::uint32_t>(0.5f);
  } else {
    magnitude += 0xfffu + (magnitude >> 13 & 1u);
    half = (magnitude - ((127u - 15u) << 23)) >> 13;
  }
  return static_cast<std::uint16_t>(sign | half);
}

}  // namespace fovea
