// 16-bit floating-point weights to f32, exactly. Portable; the kernels have their own vector forms.

#pragma once

#include <bit>
#include <cstdint>

namespace fovea {

// IEEE 754 binary16.
inline float HalfToFloat(std::uint16_t half) {
  const std::uint32_t sign = std::uint32_t{half} >> 15 << 31;
  const std::uint32_t magnitude = half & 0x7FFFu;
  if (magnitude >= 0x7C00u)
    return std::bit_cast<float>(sign | 0x7F800000u | (magnitude & 0x3FFu) << 13);
  if (magnitude < 0x0400u) {  // Subnormal: magnitude · 2⁻²⁴.
    const float value = static_cast<float>(magnitude) * 0x1p-24f;
    return sign != 0 ? -value : value;
  }
  return std::bit_cast<float>(sign | ((magnitude << 13) + ((127u - 15u) << 23)));
}

// bfloat16: the upper half of a binary32.
inline float BFloat16ToFloat(std::uint16_t value) {
  return std::bit_cast<float>(std::uint32_t{value} << 16);
}

}  // namespace fovea
