// What a KvCache holds; shared by the cache's own functions and the decoder.

#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "lib/attention/key_value_panels.h"
#include "lib/nn/decoder.h"

namespace fovea {

struct KvCache::State {
  std::size_t size = 0;  // Tokens that count: the first of each layer.
  std::vector<KeyValuePanels> layers;

  // Whether it was made for a model of this shape.
  bool Fits(std::size_t layer_count, const KeyValueShape& shape) const;

  // Room for `tokens`, the first `size` of them kept. Grows by doubling, at most to `limit`. A
  // cache made for another model's shape is Error(kInvalidArgument), unless it is empty.
  void Reserve(std::size_t tokens, std::size_t limit, std::size_t layer_count,
               const KeyValueShape& shape);

  // The first `tokens` (at most `size`), layer by layer, as panels with room for no more.
  std::vector<std::byte> Save(std::size_t tokens) const;
  // The reverse, in place of what is there. The bytes must be as many as such tokens take.
  void Load(std::span<const std::byte> bytes, std::size_t tokens, std::size_t layer_count,
            const KeyValueShape& shape);
};

}  // namespace fovea
