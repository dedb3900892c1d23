// Internal to lib/kernels: the largest magnitude of a row, for the portable kernels.

#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace fovea {

// max |row[i]|, of bit patterns, so that NaN is larger than everything.
inline float LargestMagnitude(const float* row, std::size_t n) {
  std::uint32_t largest = 0;
  for (std::size_t i = 0; i < n; ++i)
    largest = std::max(largest, std::bit_cast<std::uint32_t>(row[i]) & 0x7FFFFFFFu);
  return std::bit_cast<float>(largest);
}

}  // namespace fovea
