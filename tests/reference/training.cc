#include "tests/reference/training.h"

#include <cmath>

namespace fovea::reference {

DoubleMatrix Linear(const DoubleMatrix& x, const DoubleMatrix& weight, const DoubleMatrix& bias) {
  DoubleMatrix y{x.rows, weight.rows, std::vector<double>(x.rows * weight.rows)};
  for (std::size_t r = 0; r < x.rows; ++r) {
    for (std::size_t o = 0; o < weight.rows; ++o) {
      double sum = bias.values[o];
      for (std::size_t i = 0; i < x.cols; ++i) sum += x.at(r, i) * weight.at(o, i);
      y.at(r, o) = sum;
    }
  }
  return y;
}

DoubleMatrix LayerNorm(const DoubleMatrix& x, const DoubleMatrix& gamma, const DoubleMatrix& beta,
                       double epsilon) {
  DoubleMatrix y = x;
  const auto width = static_cast<double>(x.cols);
  for (std::size_t r = 0; r < x.rows; ++r) {
    double mean = 0;
    for (std::size_t i = 0; i < x.cols; ++i) mean += x.at(r, i) / width;
    double variance = 0;
    for (std::size_t i = 0; i < x.cols; ++i)
      variance += (x.at(r, i) - mean) * (x.at(r, i) - mean) / width;
    for (std::size_t i = 0; i < x.cols; ++i) {
      y.at(r, i) =
          (x.at(r, i) - mean) / std::sqrt(variance + epsilon) * gamma.values[i] + beta.values[i];
    }
  }
  return y;
}

DoubleMatrix Gelu(const DoubleMatrix& x) {
  DoubleMatrix y = x;
  for (double& value : y.values) value *= 0.5 * (1 + std::erf(value / std::sqrt(2.0)));
  return y;
}

DoubleMatrix SelfAttention(const DoubleMatrix& query_key_value, std::size_t heads,
                           const std::vector<std::size_t>& starts) {
  const std::size_t width = query_key_value.cols / 3;
  const std::size_t head_width = width / heads;
  DoubleMatrix out{query_key_value.rows, width, std::vector<double>(query_key_value.rows * width)};
  for (std::size_t s = 0; s + 1 < starts.size(); ++s) {
    for (std::size_t q = starts[s]; q < starts[s + 1]; ++q) {
      for (std::size_t h = 0; h < heads; ++h) {
        std::vector<double> weights;
        double sum = 0;
        for (std::size_t k = starts[s]; k < starts[s + 1]; ++k) {
          double score = 0;
          for (std::size_t i = h * head_width; i < (h + 1) * head_width; ++i)
            score += query_key_value.at(q, i) * query_key_value.at(k, width + i);
          weights.push_back(std::exp(score / std::sqrt(static_cast<double>(head_width))));
          sum += weights.back();
        }
        for (std::size_t k = starts[s]; k < starts[s + 1]; ++k) {
          for (std::size_t i = h * head_width; i < (h + 1) * head_width; ++i)
            out.at(q, i) += weights[k - starts[s]] / sum * query_key_value.at(k, 2 * width + i);
        }
      }
    }
  }
  return out;
}

DoubleMatrix Sum(const DoubleMatrix& a, const DoubleMatrix& b) {
  DoubleMatrix sum = a;
  for (std::size_t i = 0; i < sum.values.size(); ++i) sum.values[i] += b.values[i];
  return sum;
}

double Derivative(const std::function<double()>& loss, double& value) {
  constexpr double kStep = 1e-4;  // error of order step² = 1e-8
  const double before = value;
  value = before + kStep;
  const double above = loss();
  value = before - kStep;
  const double below = loss();
  value = before;
  return (above - below) / (2 * kStep);
}

}  // namespace fovea::reference
