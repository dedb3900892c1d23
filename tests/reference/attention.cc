#include "tests/reference/attention.h"

#include <cmath>
#include <limits>

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

AttentionResult Attention(ConstMatrixView query, ConstMatrixView key, ConstMatrixView value,
                          std::size_t heads, std::size_t kv_heads, double scale,
                          const std::function<bool(std::size_t, std::size_t)>& sees) {
  const std::size_t width = query.cols / heads;
  AttentionResult result;
  result.out.assign(query.rows * query.cols, 0);
  result.mean_weights.assign(query.rows * key.rows, 0);
  for (std::size_t q = 0; q < query.rows; ++q) {
    for (std::size_t h = 0; h < heads; ++h) {
      const std::size_t kv = h / (heads / kv_heads) * width;
      std::vector<double> scores(key.rows, -std::numeric_limits<double>::infinity());
      for (std::size_t k = 0; k < key.rows; ++k) {
        if (!sees(q, k)) continue;
        double sum = 0;
        for (std::size_t i = 0; i < width; ++i) {
          sum += static_cast<double>(query.row(q)[h * width + i]) * key.row(k)[kv + i];
        }
        scores[k] = sum * scale;
      }
      const std::vector<double> weights = Softmax(scores);
      for (std::size_t k = 0; k < key.rows; ++k) {
        if (!sees(q, k)) continue;
        result.mean_weights[q * key.rows + k] += weights[k] / static_cast<double>(heads);
        for (std::size_t i = 0; i < width; ++i) {
          result.out[q * query.cols + h * width + i] += weights[k] * value.row(k)[kv + i];
        }
      }
    }
  }
  return result;
}

}  // namespace fovea::reference
