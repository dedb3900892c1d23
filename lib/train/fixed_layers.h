// The lower layers of a reader whose training leaves them as they are: a passage's states do not
// depend on the question, and are computed once.

#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "lib/base/ids.h"
#include "lib/nn/row_codes.h"
#include "lib/train/transformer_layer.h"

namespace fovea {

class Encoder;
class ThreadPool;

// One thread at a time.
class FixedLayers {
 public:
  // States are those of the encoder's first `encoder_layers` layers, then of `layers`. Borrows
  // both, whose weights must not change. Of passages' states at most `cache_bytes` are held.
  FixedLayers(const Encoder& encoder, std::size_t encoder_layers,
              std::span<const TransformerLayer> layers, std::size_t cache_bytes);

  struct Sequence {
    std::span<const TokenId> tokens;
    bool is_passage = false;
  };

  // [ΣT, D], of every sequence alone, without dropout. A passage's are rounded to 8 bits as
  // CrossAttentionReader keeps them, whether they are held or not: the result is the same.
  Matrix States(std::span<const Sequence> sequences, ThreadPool* pool);

  std::size_t held_passages() const { return held_.size(); }

 private:
  const Encoder& encoder_;
  std::size_t encoder_layers_;
  std::span<const TransformerLayer> layers_;
  std::size_t bytes_left_;
  std::unordered_map<std::string, RowCodes> held_;  // by the hash of the tokens
  TransformerLayer::Trace trace_;                   // kept for its memory
};

}  // namespace fovea
