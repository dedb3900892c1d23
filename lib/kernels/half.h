// IEEE 754 half precision to f32, exactly, without the F16C instructions.

#pragma once

#include <bit>
#include <cstdint>

namespace fovea {

// For scalar code alone: the ISA files have their own.
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

}  // namespace fovea
