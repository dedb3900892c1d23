#include "lib/nn/logits.h"

#include <algorithm>
#include <cmath>

namespace fovea {

double LogSumExp(std::span<const float> logits) {
  const auto greatest = static_cast<double>(*std::max_element(logits.begin(), logits.end()));
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - greatest);
  return greatest + std::log(sum);
}

}  // namespace fovea
