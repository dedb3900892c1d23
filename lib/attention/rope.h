// Rotary position embedding (Su et al. 2021): pairs of a head's components are rotated by position · base^(−2i/Dr).

#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "lib/kernels/matrix.h"

namespace fovea {

// Which components form a pair: Llama GGUF files interleave (2i, 2i+1); "NeoX" models pair (i, i + Dr/2).
enum class RopePairing { kInterleaved, kHalves };

class Rope {
 public:
  // rotated_width Dr: even, at most the head width; the components past it are left alone. Tables are made for max_positions.
  Rope(int rotated_width, float base, int max_positions, RopePairing pairing = RopePairing::kInterleaved);

  // Rotates in place every head of every row: rows [T, heads · head_width], row t at position first_position + t.
  // Throws Error(kInvalidArgument) past max_positions.
  void Apply(MatrixView rows, int head_width, std::size_t first_position) const;

 private:
  int rotated_width_;
  RopePairing pairing_;
  std::size_t max_positions_;
  std::vector<float> cosine_;  // [max_positions, Dr/2]
  std::vector<float> sine_;
};

}  // namespace fovea
