// How well answers can be told from abstentions, and retrieval metrics over one query's ranking
// (Järvelin and Kekäläinen 2002 for nDCG, as trec_eval computes them).

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

struct AnswerConfidence {
  double confidence = 0;  // 1 − the weight of "none of these"
  bool answerable = false;
  double f1 = 0;  // of the answer where it is answerable
};

// Area under the ROC curve: the probability that an answerable question has the greater confidence
// than an unanswerable one, ties counting half (Mann and Whitney 1947). Needs one of each.
double AnswerableAuc(std::span<const AnswerConfidence> answers);

struct AbstentionPoint {
  double threshold = 0;  // of the weight of "none of these", from which on fovea abstains
  double has_answer_f1 = 0;
  double no_answer_accuracy = 0;  // share of the unanswerable questions that are abstained
};

// The point that abstains most while the mean F1 of answerable questions loses at most `drop`.
// Needs one of each.
AbstentionPoint AbstainWithin(double drop, std::span<const AnswerConfidence> answers);

}  // namespace fovea::tools
