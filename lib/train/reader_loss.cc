#include "lib/train/reader_loss.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace fovea {
namespace {

// −log of the probability that falls on `gold`, over all values and `none`; gradients are added.
// gold[p] holds positions in values[p]; without any, the gold one is `none`.
double NegativeLogLikelihood(const std::vector<std::vector<float>>& values, float none,
                             const std::vector<std::vector<std::size_t>>& gold,
                             std::vector<std::vector<float>>& gradient, float& none_gradient) {
  double greatest = static_cast<double>(none);
  for (const auto& row : values) {
    for (const float value : row) greatest = std::max(greatest, static_cast<double>(value));
  }
  const auto mass = [&](float value) { return std::exp(static_cast<double>(value) - greatest); };
  double all = mass(none);
  for (const auto& row : values) {
    for (const float value : row) all += mass(value);
  }
  double right = 0;
  bool answerable = false;
  for (std::size_t p = 0; p < gold.size(); ++p) {
    for (const std::size_t t : gold[p]) {
      right += mass(values[p][t]);
      answerable = true;
    }
  }
  if (!answerable) right = mass(none);
  // Too unlikely for a double: as good as a loss of 700, and the gradient stays finite.
  right = std::max(right, std::numeric_limits<double>::min());
  for (std::size_t p = 0; p < values.size(); ++p) {
    for (std::size_t t = 0; t < values[p].size(); ++t)
      gradient[p][t] += static_cast<float>(mass(values[p][t]) / all);
    for (const std::size_t t : gold[p])
      gradient[p][t] -= static_cast<float>(mass(values[p][t]) / right);
  }
  none_gradient += static_cast<float>(mass(none) / all - (answerable ? 0.0 : mass(none) / right));
  return std::log(all) - std::log(right);
}

}  // namespace

ReaderLossTerms LossOf(const ReaderQuestion& question, const ReaderLogits& logits,
                       float rank_weight, ReaderLogits& gradient) {
  const std::size_t passages = question.passages.size();
  gradient = {};
  std::vector<std::vector<std::size_t>> starts(passages), ends(passages), gold_passages(1);
  for (std::size_t p = 0; p < passages; ++p) {
    gradient.start.emplace_back(logits.start[p].size(), 0.0f);
    gradient.end.emplace_back(logits.end[p].size(), 0.0f);
    for (const auto& [first, last] : question.passages[p].answers) {
      starts[p].push_back(first);
      ends[p].push_back(last);
    }
    for (auto* positions : {&starts[p], &ends[p]}) {
      std::sort(positions->begin(), positions->end());
      positions->erase(std::unique(positions->begin(), positions->end()), positions->end());
    }
    if (!starts[p].empty()) gold_passages[0].push_back(p);
  }
  ReaderLossTerms loss;
  loss.span =
      NegativeLogLikelihood(logits.start, logits.none, starts, gradient.start, gradient.none) +
      NegativeLogLikelihood(logits.end, logits.none, ends, gradient.end, gradient.none);
  gradient.passage.assign(passages, 0.0f);
  if (gold_passages[0].empty() || passages < 2) return loss;
  std::vector<std::vector<float>> rank_gradient = {std::vector<float>(passages, 0.0f)};
  float unused = 0;
  loss.rank = NegativeLogLikelihood({logits.passage}, -std::numeric_limits<float>::infinity(),
                                    gold_passages, rank_gradient, unused);
  for (std::size_t p = 0; p < passages; ++p)
    gradient.passage[p] = rank_weight * rank_gradient[0][p];
  return loss;
}

}  // namespace fovea
