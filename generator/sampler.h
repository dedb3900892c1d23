// The next token out of logits: greedy, or temperature with nucleus sampling (Holtzman et al.
// 2020).

#pragma once

#include <cstdint>
#include <random>
#include <span>

#include "lib/base/ids.h"

namespace fovea {

struct SamplingOptions {
  float temperature = 0;  // 0: greedy (the greatest logit, ties to the smaller id)
  float top_p = 1;        // 0 < top_p <= 1
  std::uint64_t seed = 0;

  // Throws Error(kInvalidArgument) that names the option and its range.
  void validate() const;
};

class Sampler {
 public:
  explicit Sampler(const SamplingOptions& options);

  // logits [V], not empty. The same seed and logits give the same tokens on every machine.
  TokenId Next(std::span<const float> logits);

 private:
  SamplingOptions options_;
  std::mt19937_64 random_;
};

}  // namespace fovea
