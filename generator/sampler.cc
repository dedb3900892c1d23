#include "generator/sampler.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "lib/base/error.h"

namespace fovea {

void SamplingOptions::validate() const {
  if (!(temperature >= 0) || std::isinf(temperature)) {
    throw Error(ErrorCode::kInvalidArgument, "temperature must be a finite number >= 0");
  }
  if (!(top_p > 0 && top_p <= 1)) {
    throw Error(ErrorCode::kInvalidArgument, "top-p must be in (0, 1]");
  }
}

Sampler::Sampler(const SamplingOptions& options) : options_(options), random_(options.seed) {
  options_.validate();
}

TokenId Sampler::Next(std::span<const float> logits) {
  const auto greatest = std::max_element(logits.begin(), logits.end());
  if (options_.temperature == 0)
    return TokenId(static_cast<std::int32_t>(greatest - logits.begin()));

  std::vector<double> probability(logits.size());
  double total = 0;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    probability[i] = std::exp((static_cast<double>(logits[i]) - *greatest) / options_.temperature);
    total += probability[i];
  }
  std::vector<std::int32_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) {
    return probability[static_cast<std::size_t>(a)] > probability[static_cast<std::size_t>(b)];
  });
  // The nucleus: the fewest most probable tokens that hold top_p of the mass.
  std::size_t nucleus = 0;
  double mass = 0;
  while (nucleus < order.size() && (nucleus == 0 || mass < options_.top_p * total)) {
    mass += probability[static_cast<std::size_t>(order[nucleus++])];
  }
  // 53 random bits, not std::uniform_real_distribution: the same draw from every standard library.
  double draw = static_cast<double>(random_() >> 11) * 0x1p-53 * mass;
  for (std::size_t i = 0; i + 1 < nucleus; ++i) {
    draw -= probability[static_cast<std::size_t>(order[i])];
    if (draw < 0) return TokenId(order[i]);
  }
  return TokenId(order[nucleus - 1]);
}

}  // namespace fovea
