#include "retriever/fusion.h"

#include <algorithm>
#include <map>

namespace fovea {

std::vector<FusedHit> Fuse(std::span<const DenseHit> dense, std::span<const LexicalHit> lexical,
                           const FusionOptions& options) {
  std::map<ChunkId, FusedHit> hits;
  for (std::size_t i = 0; i < dense.size(); ++i) {
    FusedHit& hit = hits[dense[i].chunk];
    hit.chunk = dense[i].chunk;
    hit.dense_rank = static_cast<int>(i) + 1;
    hit.dense_score = dense[i].score;
    hit.score += options.dense_weight / (60.0 + static_cast<double>(i) + 1.0);
  }
  for (std::size_t i = 0; i < lexical.size(); ++i) {
    FusedHit& hit = hits[lexical[i].chunk];
    hit.chunk = lexical[i].chunk;
    hit.lexical_rank = static_cast<int>(i) + 1;
    hit.lexical_score = lexical[i].score;
    hit.score += (1 - options.dense_weight) / (60.0 + static_cast<double>(i) + 1.0);
  }
  std::vector<FusedHit> ranked;
  ranked.reserve(hits.size());
  for (const auto& [chunk, hit] : hits) ranked.push_back(hit);
  std::stable_sort(ranked.begin(), ranked.end(),
                   [](const FusedHit& a, const FusedHit& b) { return a.score > b.score; });
  return ranked;
}

}  // namespace fovea
