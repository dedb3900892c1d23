#include "tests/reference/training.h"

#include <cmath>
#include <utility>

#include "tests/reference/attention.h"

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
                           const std::vector<std::size_t>& starts, std::vector<double>* weights) {
  const std::size_t width = query_key_value.cols / 3;
  std::vector<DoubleMatrix> parts;
  for (std::size_t part = 0; part < 3; ++part) {
    parts.push_back(DoubleMatrix::Zeros(query_key_value.rows, width));
    for (std::size_t r = 0; r < query_key_value.rows; ++r) {
      for (std::size_t i = 0; i < width; ++i)
        parts.back().at(r, i) = query_key_value.at(r, part * width + i);
    }
  }
  const NamedMask same_sequence = {.name = "", .query_starts = starts, .key_starts = starts};
  const double scale = 1 / std::sqrt(static_cast<double>(width / heads));
  AttentionResult result =
      Attention(parts[0], parts[1], parts[2], heads, heads, scale,
                [&](std::size_t q, std::size_t k) { return same_sequence.Sees(q, k); });
  if (weights != nullptr) *weights = std::move(result.weights);
  return {query_key_value.rows, width, std::move(result.out)};
}

DoubleMatrix Sum(const DoubleMatrix& a, const DoubleMatrix& b) {
  DoubleMatrix sum = a;
  for (std::size_t i = 0; i < sum.values.size(); ++i) sum.values[i] += b.values[i];
  return sum;
}

DoubleMatrix TransformerLayer(const NamedValues& values, const std::string& prefix,
                              const DoubleMatrix& x, std::size_t heads,
                              const std::vector<std::size_t>& starts, double epsilon,
                              std::vector<double>* weights) {
  const auto linear = [&](const DoubleMatrix& in, const std::string& name) {
    return Linear(in, values.at(prefix + name + ".weight"), values.at(prefix + name + ".bias"));
  };
  const auto norm = [&](const DoubleMatrix& in, const std::string& name) {
    return LayerNorm(in, values.at(prefix + name + ".weight"), values.at(prefix + name + ".bias"),
                     epsilon);
  };
  const DoubleMatrix context =
      SelfAttention(linear(x, "attention.self.qkv"), heads, starts, weights);
  const DoubleMatrix attended =
      norm(Sum(x, linear(context, "attention.output.dense")), "attention.output.LayerNorm");
  const DoubleMatrix inner = Gelu(linear(attended, "intermediate.dense"));
  return norm(Sum(attended, linear(inner, "output.dense")), "output.LayerNorm");
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
