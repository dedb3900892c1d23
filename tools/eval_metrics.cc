#include "tools/eval_metrics.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

namespace fovea::tools {
namespace {

int Gain(const Judgements& judgements, const std::string& id) {
  const auto found = judgements.find(id);
  return found == judgements.end() ? 0 : std::max(0, found->second);
}

double Discount(std::size_t index) { return 1.0 / std::log2(static_cast<double>(index) + 2.0); }

}  // namespace

double NdcgAt(std::size_t k, std::span<const std::string> ranking, const Judgements& judgements) {
  std::vector<int> ideal_gains;
  for (const auto& [id, relevance] : judgements) ideal_gains.push_back(std::max(0, relevance));
  std::sort(ideal_gains.begin(), ideal_gains.end(), std::greater<>());
  double ideal = 0;
  for (std::size_t i = 0; i < std::min(k, ideal_gains.size()); ++i)
    ideal += ideal_gains[i] * Discount(i);
  if (ideal <= 0) return 0;
  double gained = 0;
  for (std::size_t i = 0; i < std::min(k, ranking.size()); ++i)
    gained += Gain(judgements, ranking[i]) * Discount(i);
  return gained / ideal;
}

double RecallAt(std::size_t k, std::span<const std::string> ranking, const Judgements& judgements) {
  const auto relevant = std::count_if(judgements.begin(), judgements.end(),
                                      [](const auto& j) { return j.second > 0; });
  if (relevant == 0) return 0;
  const std::span<const std::string> top = ranking.first(std::min(k, ranking.size()));
  const auto found = std::count_if(top.begin(), top.end(),
                                   [&](const auto& id) { return Gain(judgements, id) > 0; });
  return static_cast<double>(found) / static_cast<double>(relevant);
}

double ReciprocalRankAt(std::size_t k, std::span<const std::string> ranking,
                        const Judgements& judgements) {
  for (std::size_t i = 0; i < std::min(k, ranking.size()); ++i) {
    if (Gain(judgements, ranking[i]) > 0) return 1.0 / static_cast<double>(i + 1);
  }
  return 0;
}

}  // namespace fovea::tools
