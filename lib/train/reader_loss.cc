#include "lib/train/reader_loss.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace fovea {
namespace {

struct Rows {
  std::size_t begin;
  std::size_t end;
};

// weight · −log of the probability that falls on `gold`, over the values of `rows` and their none;
// gradients are added. gold[p] holds positions in values[p]; without any in the rows, their none is
// right.
double NegativeLogLikelihood(Rows rows, double weight,
                             const std::vector<std::vector<float>>& values,
                             const std::vector<float>& none,
                             const std::vector<std::vector<std::size_t>>& gold,
                             std::vector<std::vector<float>>& gradient,
                             std::vector<float>& none_gradient) {
  double greatest = -std::numeric_limits<double>::infinity();
  for (std::size_t p = rows.begin; p < rows.end; ++p) {
    greatest = std::max(greatest, static_cast<double>(none[p]));
    for (const float value : values[p]) greatest = std::max(greatest, static_cast<double>(value));
  }
  const auto mass = [&](float value) { return std::exp(static_cast<double>(value) - greatest); };
  double all = 0, right = 0, none_mass = 0;
  bool answerable = false;
  for (std::size_t p = rows.begin; p < rows.end; ++p) {
    none_mass += mass(none[p]);
    for (const float value : values[p]) all += mass(value);
    for (const std::size_t t : gold[p]) right += mass(values[p][t]);
    answerable = answerable || !gold[p].empty();
  }
  all += none_mass;
  if (!answerable) right = none_mass;
  // Too unlikely for a double: as good as a loss of 700, and the gradient stays finite.
  right = std::max(right, std::numeric_limits<double>::min());
  for (std::size_t p = rows.begin; p < rows.end; ++p) {
    for (std::size_t t = 0; t < values[p].size(); ++t)
      gradient[p][t] += static_cast<float>(weight * mass(values[p][t]) / all);
    for (const std::size_t t : gold[p])
      gradient[p][t] -= static_cast<float>(weight * mass(values[p][t]) / right);
    none_gradient[p] +=
        static_cast<float>(weight * mass(none[p]) * (1 / all - (answerable ? 0 : 1 / right)));
  }
  return weight * (std::log(all) - std::log(right));
}

}  // namespace

ReaderLossTerms LossOf(const ReaderQuestion& question, const ReaderLogits& logits,
                       const ReaderLossWeights& weights, ReaderLogits& gradient) {
  const std::size_t passages = question.passages.size();
  gradient = {};
  gradient.none.assign(passages, 0.0f);
  gradient.passage.assign(passages, 0.0f);
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
  const auto both = [&](Rows rows, double weight) {
    return NegativeLogLikelihood(rows, weight, logits.start, logits.none, starts, gradient.start,
                                 gradient.none) +
           NegativeLogLikelihood(rows, weight, logits.end, logits.none, ends, gradient.end,
                                 gradient.none);
  };
  ReaderLossTerms loss;
  loss.span = both({0, passages}, 1);
  const double local = static_cast<double>(weights.local) / static_cast<double>(passages);
  if (local > 0) {
    for (std::size_t p = 0; p < passages; ++p) loss.local += both({p, p + 1}, local);
    loss.local /= static_cast<double>(weights.local);
  }
  if (gold_passages[0].empty() || passages < 2) return loss;
  std::vector<std::vector<float>> rank_gradient = {std::vector<float>(passages, 0.0f)};
  std::vector<float> unused = {0};
  loss.rank =
      NegativeLogLikelihood({0, 1}, 1, {logits.passage}, {-std::numeric_limits<float>::infinity()},
                            gold_passages, rank_gradient, unused);
  for (std::size_t p = 0; p < passages; ++p)
    gradient.passage[p] = weights.rank * rank_gradient[0][p];
  return loss;
}

}  // namespace fovea
