// What a language model's logits say as probabilities.

#pragma once

#include <span>

namespace fovea {

// log Σ exp(logits), so that exp(logit − it) is a token's probability. `logits` is not empty.
double LogSumExp(std::span<const float> logits);

}  // namespace fovea
