#include "tests/reference/attention.h"

#include <cmath>
#include <limits>
#include <ostream>

namespace fovea::reference {

std::vector<double> Softmax(const std::vector<double>& scores) {
  double maximum = -std::numeric_limits<double>::infinity();
  for (double score : scores) maximum = std::max(maximum, score);
  std::vector<double> weights(scores.size(), 0.0);
  if (std::isinf(maximum)) return weights;
  double sum = 0;
  for (std::size_t i = 0; i < scores.size(); ++i) sum += weights[i] = std::exp(scores[i] - maximum);
  for (double& weight : weights) weight /= sum;
  return weights;
}

AttentionResult Attention(const DoubleMatrix& query, const DoubleMatrix& key,
                          const DoubleMatrix& value, std::size_t heads, std::size_t kv_heads,
                          double scale, const Sees& sees) {
  const std::size_t width = query.cols / heads;
  AttentionResult result;
  result.out.assign(query.rows * query.cols, 0);
  result.weights.assign(heads * query.rows * key.rows, 0);
  for (std::size_t q = 0; q < query.rows; ++q) {
    for (std::size_t h = 0; h < heads; ++h) {
      const std::size_t kv = h / (heads / kv_heads) * width;
      std::vector<double> scores(key.rows, -std::numeric_limits<double>::infinity());
      for (std::size_t k = 0; k < key.rows; ++k) {
        if (!sees(q, k)) continue;
        double sum = 0;
        for (std::size_t i = 0; i < width; ++i)
          sum += query.at(q, h * width + i) * key.at(k, kv + i);
        scores[k] = sum * scale;
      }
      const std::vector<double> weights = Softmax(scores);
      for (std::size_t k = 0; k < key.rows; ++k) {
        if (!sees(q, k)) continue;
        result.weights[(h * query.rows + q) * key.rows + k] = weights[k];
        for (std::size_t i = 0; i < width; ++i)
          result.out[q * query.cols + h * width + i] += weights[k] * value.at(k, kv + i);
      }
    }
  }
  return result;
}

AttentionResult Attention(ConstMatrixView query, ConstMatrixView key, ConstMatrixView value,
                          std::size_t heads, std::size_t kv_heads, double scale, const Sees& sees) {
  return Attention(ToDouble(query), ToDouble(key), ToDouble(value), heads, kv_heads, scale, sees);
}

AttentionMask NamedMask::mask() const {
  return {.causal = causal,
          .causal_offset = offset,
          .query_starts = query_starts,
          .key_starts = key_starts};
}

bool NamedMask::Sees(std::size_t q, std::size_t k) const {
  std::size_t first_query = 0, first_key = 0;
  for (std::size_t s = 0; s + 1 < query_starts.size(); ++s) {
    if (q < query_starts[s] || q >= query_starts[s + 1]) continue;
    if (k < key_starts[s] || k >= key_starts[s + 1]) return false;
    first_query = query_starts[s];
    first_key = key_starts[s];
  }
  return !causal || static_cast<std::ptrdiff_t>(k - first_key) <=
                        static_cast<std::ptrdiff_t>(q - first_query) + offset;
}

std::ostream& operator<<(std::ostream& out, const NamedMask& mask) { return out << mask.name; }

std::vector<NamedMask> MasksOfFiveQueriesAndSevenKeys() {
  return {
      {.name = "None"},
      {.name = "Causal", .causal = true, .offset = 2},
      // The first query sees no key.
      {.name = "CausalFromBehind", .causal = true, .offset = -1},
      // The last sequence has no keys, and the last key no sequence.
      {.name = "Ragged", .query_starts = {0, 2, 4, 5}, .key_starts = {0, 3, 6, 6}},
      {.name = "RaggedCausal", .causal = true, .query_starts = {0, 2, 5}, .key_starts = {0, 3, 7}}};
}

}  // namespace fovea::reference
