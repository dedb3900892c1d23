// BERT's embeddings (Devlin et al. 2019, section 3.2) with their backward pass:
//
//   y_t = LN(word[id_t] + position[t − start of its sequence] + type[type_t])
//
// ReaderNetwork does not train them: its file takes them from the embedder (docs/reader.md). They
// are for networks that bring their own.
//
// Dimensions: T tokens, D width, V vocabulary.

#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "lib/base/ids.h"
#include "lib/train/layers.h"

namespace fovea {

struct EmbeddingSizes {
  std::size_t vocabulary = 0;
  std::size_t positions = 0;  // the longest sequence
  std::size_t types = 2;      // of segments
  std::size_t width = 0;
  float epsilon = 1e-12f;
};

// A ragged batch: sequence s is tokens [starts[s], starts[s + 1]).
struct TokenBatch {
  std::span<const TokenId> ids;           // [T]
  std::span<const std::uint8_t> types{};  // [T]; empty: 0 for all
  std::span<const std::size_t> starts;
};

struct EmbeddingLayer {
  Parameter word;      // [V, D]
  Parameter position;  // [positions, D]
  Parameter type;      // [types, D]
  LayerNormLayer norm;

  // What the backward pass needs of a forward pass. Reused by the next one.
  struct Trace {
    Matrix normal;               // [T, D]
    std::vector<float> inverse;  // [T]
  };

  // Parameters are named as in a BERT file below `prefix` ("embeddings."); their values are to be
  // filled in. As in BERT's training, the tables decay (Devlin et al. 2019, A.2).
  static EmbeddingLayer Make(const std::string& prefix, const EmbeddingSizes& sizes);

  // y [T, D]. Throws Error(kInvalidArgument) for a token, type or position beyond the tables, or
  // starts that do not cover the tokens.
  void Forward(const TokenBatch& tokens, Trace& trace, MatrixView y, ThreadPool* pool) const;
  // dy [T, D] becomes the gradient of the sum of embeddings, which each row of a table adds up over
  // its tokens, in their order whatever the threads.
  void Backward(const TokenBatch& tokens, const Trace& trace, MatrixView dy, ThreadPool* pool);

  std::vector<Parameter*> parameters();
};

}  // namespace fovea
