#include "generator/passage_fusion.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "lib/nn/logits.h"

namespace fovea {

void FuseLogits(std::span<const std::span<float>> rows, std::span<const double> weights) {
  if (rows.size() < 2) return;
  std::vector<double> fused(rows.front().size());
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const double all = LogSumExp(rows[r]);
    for (std::size_t t = 0; t < fused.size(); ++t)
      fused[t] += weights[r] * std::exp(static_cast<double>(rows[r][t]) - all);
  }
  std::transform(fused.begin(), fused.end(), rows.front().begin(),
                 [](double p) { return static_cast<float>(std::log(p)); });
}

}  // namespace fovea
