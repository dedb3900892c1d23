// One ranking out of the dense and the lexical one: a convex combination of scores,
//
//     score = w · cosine + (1 − w) · bm25 / (the query's best bm25)
//
// (Bruch, Gai and Ingber 2023, with the lexical side alone normalised: cosines share one scale over
// all queries, BM25 does not). Chosen by measurement over reciprocal ranks, min-max and z-scores:
// docs/retrieval.md has the figures.

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
  std::optional<int> dense_rank;  // from 1; nullopt: not in that ranking
  std::optional<int> lexical_rank;
  std::optional<float> dense_score;
  std::optional<float> lexical_score;
};

struct FusionOptions {
  // w: share of the dense side, 0 … 1.
  double dense_weight = 0.7;
};

// Best first; ties by chunk id. `dense` and `lexical` best first. `dense_of_lexical`: cosines of
// lexical hits that are not in `dense`, in any order; one that is missing there counts with the
// lowest cosine of `dense` (0 without any), which it cannot exceed. A chunk without a lexical score
// counts 0 there.
std::vector<FusedHit> Fuse(std::span<const DenseHit> dense, std::span<const LexicalHit> lexical,
                           const FusionOptions& options,
                           std::span<const DenseHit> dense_of_lexical = {});

}  // namespace fovea
