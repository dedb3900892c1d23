// 16-bit floating-point weights to f32, exactly. Portable; the kernels have their own vector forms.

#pragma once

#include <bit>
#include <cstdint>

#include "lib/kernels/half.h"

namespace fovea {

// bfloat16: the upper half of a binary32.
inline float BFloat16ToFloat(std::uint16_t value) {
  return std::bit_cast<float>(std::uint32_t{value} << 16);
}

}  // namespace fovea
