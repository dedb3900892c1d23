// One ranking out of the dense and the lexical one. Chosen by measurement: docs/architecture.md has the figures.

#pragma once

#include <optional>
#include <span>
#include <vector>

#include "lib/base/ids.h"
#include "retriever/store.h"
#include "retriever/vector_index.h"

namespace fovea {

struct FusedHit {
  ChunkId chunk{};
  double score = 0;
  std::optional<int> dense_rank;  // from 1
  std::optional<int> lexical_rank;
  std::optional<float> dense_score;
  std::optional<float> lexical_score;
};

struct FusionOptions {
  // Share of the dense side in the sum of normalised scores, 0 … 1.
  double dense_weight = 0.5;
};

// Best first; ties by chunk id. Both inputs best first.
std::vector<FusedHit> Fuse(std::span<const DenseHit> dense, std::span<const LexicalHit> lexical,
                           const FusionOptions& options);

}  // namespace fovea
