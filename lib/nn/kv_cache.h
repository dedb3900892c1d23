// What a KvCache holds; shared by the cache's own functions and the decoder.

#pragma once

#include <cstddef>
#include <vector>

#include "lib/kernels/matrix.h"
#include "lib/nn/decoder.h"

namespace fovea {

struct KvCache::State {
  struct Layer {
    Matrix keys;    // [capacity, Hkv·Dh]
    Matrix values;  // [capacity, Hkv·Dh]
  };

  std::size_t size = 0;  // Tokens that count: the first rows of each matrix.
  std::vector<Layer> layers;

  // Room for `tokens`, the first `size` of them kept. Grows by doubling, at most to `limit`. A
  // cache made for another model's sizes is Error(kInvalidArgument), unless it is empty.
  void Reserve(std::size_t tokens, std::size_t limit, std::size_t layer_count, std::size_t width);
};

}  // namespace fovea
