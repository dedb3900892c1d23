// Whole numbers of pieces.

#pragma once

#include <cstddef>

namespace fovea {

// ⌈n / size⌉
constexpr std::size_t Pieces(std::size_t n, std::size_t size) { return (n + size - 1) / size; }

// The least multiple that is no smaller than n.
constexpr std::size_t RoundUp(std::size_t n, std::size_t multiple) {
  return Pieces(n, multiple) * multiple;
}

}  // namespace fovea
