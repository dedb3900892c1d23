// Several prompts that go on together (RAG-Token, Lewis et al. 2020, section 2.1): each holds the
// evidence of one passage, and what comes next is drawn from
//
//   p(y) = Σ_p w_p p(y | prompt p)
//
// where w_p is the reader's weight of the passage.

#pragma once

#include <span>
#include <vector>

#include "lib/base/ids.h"

namespace fovea {

struct WeightedPrompt {
  std::vector<TokenId> tokens;
  double weight = 0;  // > 0; only their ratios count
};

// rows: logits [V] of each prompt; the first becomes log p(y), up to a constant. As many weights.
void FuseLogits(std::span<const std::span<float>> rows, std::span<const double> weights);

}  // namespace fovea
