#include "lib/train/adamw.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "lib/base/thread_pool.h"

namespace fovea {
namespace {

constexpr std::size_t kBlock = 1 << 14;

std::size_t Size(const Matrix& matrix) { return matrix.rows() * matrix.cols(); }

double SquaredNorm(const Matrix& gradient) {
  double sum = 0;
  for (std::size_t i = 0; i < Size(gradient); ++i)
    sum += static_cast<double>(gradient.data()[i]) * gradient.data()[i];
  return sum;
}

void Zero(Matrix& matrix) { std::fill_n(matrix.data(), Size(matrix), 0.0f); }

}  // namespace

AdamW::AdamW(std::vector<Parameter*> parameters, const AdamWOptions& options)
    : parameters_(std::move(parameters)), options_(options) {
  for (const Parameter* parameter : parameters_) {
    for (int i = 0; i < 2; ++i) {
      moments_.emplace_back(parameter->value.rows(), parameter->value.cols());
      Zero(moments_.back());
    }
  }
}

double AdamW::Step(float rate, ThreadPool* pool) {
  double squares = 0;
  for (const Parameter* parameter : parameters_) {
    if (parameter->trained) squares += SquaredNorm(parameter->gradient);
  }
  const double norm = std::sqrt(squares);
  if (!std::isfinite(norm)) {
    for (Parameter* parameter : parameters_) Zero(parameter->gradient);
    return norm;
  }
  const float factor = options_.clip > 0 && norm > static_cast<double>(options_.clip)
                           ? static_cast<float>(static_cast<double>(options_.clip) / norm)
                           : 1.0f;
  ++steps_;
  const auto steps = static_cast<float>(steps_);
  const float first_bias = 1 - std::pow(options_.beta1, steps);
  const float second_bias = 1 - std::pow(options_.beta2, steps);
  for (std::size_t p = 0; p < parameters_.size(); ++p) {
    Parameter& parameter = *parameters_[p];
    if (!parameter.trained) {
      Zero(parameter.gradient);
      continue;
    }
    float* value = parameter.value.data();
    float* gradient = parameter.gradient.data();
    float* first = moments_[2 * p].data();
    float* second = moments_[2 * p + 1].data();
    const float decay = parameter.decays ? options_.weight_decay : 0.0f;
    const auto body = [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i) {
        const float g = gradient[i] * factor;
        first[i] = options_.beta1 * first[i] + (1 - options_.beta1) * g;
        second[i] = options_.beta2 * second[i] + (1 - options_.beta2) * g * g;
        const float step =
            first[i] / first_bias / (std::sqrt(second[i] / second_bias) + options_.epsilon);
        value[i] -= rate * (step + decay * value[i]);
        gradient[i] = 0;
      }
    };
    ParallelFor(pool, Size(parameter.value), kBlock, body);
  }
  return norm;
}

float WarmUpThenDecay(std::int64_t step, std::int64_t warm_up, std::int64_t total, float peak) {
  if (step < warm_up) return peak * static_cast<float>(step + 1) / static_cast<float>(warm_up);
  if (step >= total) return 0;
  return peak * static_cast<float>(total - step) /
         static_cast<float>(std::max<std::int64_t>(total - warm_up, 1));
}

}  // namespace fovea
