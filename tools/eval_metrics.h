// Retrieval metrics over one query's ranking (Järvelin and Kekäläinen 2002 for nDCG, as trec_eval
// computes them).

#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>

namespace fovea::tools {

// Relevance by document id; ids not in it, and values of 0 or less, are not relevant.
using Judgements = std::map<std::string, int>;

// DCG@k / ideal DCG@k with gain = relevance and discount 1/log2(rank + 1); the ideal ranking comes
// from the judgements. 0 where nothing is relevant. `ranking`: distinct ids, best first.
double NdcgAt(std::size_t k, std::span<const std::string> ranking, const Judgements& judgements);

// Share of the relevant documents among the first k; 0 where nothing is relevant.
double RecallAt(std::size_t k, std::span<const std::string> ranking, const Judgements& judgements);

// 1 / rank of the first relevant document among the first k, else 0.
double ReciprocalRankAt(std::size_t k, std::span<const std::string> ranking,
                        const Judgements& judgements);

}  // namespace fovea::tools
