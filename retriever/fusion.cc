#include "retriever/fusion.h"

#include <algorithm>
#include <map>

namespace fovea {

std::vector<FusedHit> Fuse(std::span<const DenseHit> dense, std::span<const LexicalHit> lexical,
                           const FusionOptions& options,
                           std::span<const DenseHit> dense_of_lexical) {
  std::map<ChunkId, FusedHit> hits;
  for (std::size_t i = 0; i < dense.size(); ++i) {
    FusedHit& hit = hits[dense[i].chunk];
    hit.dense_rank = static_cast<int>(i) + 1;
    hit.dense_score = dense[i].score;
  }
  for (std::size_t i = 0; i < lexical.size(); ++i) {
    FusedHit& hit = hits[lexical[i].chunk];
    hit.lexical_rank = static_cast<int>(i) + 1;
    hit.lexical_score = lexical[i].score;
  }
  for (const DenseHit& known : dense_of_lexical) {
    const auto found = hits.find(known.chunk);
    if (found != hits.end() && !found->second.dense_score) found->second.dense_score = known.score;
  }

  const double best_lexical = lexical.empty() ? 0 : static_cast<double>(lexical.front().score);
  const double lowest_dense = dense.empty() ? 0 : static_cast<double>(dense.back().score);
  std::vector<FusedHit> ranked;
  ranked.reserve(hits.size());
  for (auto& [chunk, hit] : hits) {
    hit.chunk = chunk;
    const double cosine = hit.dense_score ? static_cast<double>(*hit.dense_score) : lowest_dense;
    const double words = hit.lexical_score && best_lexical > 0
                             ? static_cast<double>(*hit.lexical_score) / best_lexical
                             : 0;
    hit.score = options.dense_weight * cosine + (1 - options.dense_weight) * words;
    ranked.push_back(hit);
  }
  std::stable_sort(ranked.begin(), ranked.end(),
                   [](const FusedHit& a, const FusedHit& b) { return a.score > b.score; });
  return ranked;
}

}  // namespace fovea
