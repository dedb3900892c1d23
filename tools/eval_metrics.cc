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

std::vector<AnswerConfidence> LeastSureFirst(std::span<const AnswerConfidence> answers) {
  std::vector<AnswerConfidence> order(answers.begin(), answers.end());
  std::sort(order.begin(), order.end(), [](const AnswerConfidence& a, const AnswerConfidence& b) {
    return a.confidence < b.confidence;
  });
  return order;
}

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

double AnswerableAuc(std::span<const AnswerConfidence> answers) {
  const std::vector<AnswerConfidence> order = LeastSureFirst(answers);
  double pairs = 0;
  double unanswerable = 0;  // of less confidence
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin;
    double tied_answerable = 0;
    for (; end < order.size() && order[end].confidence <= order[begin].confidence; ++end)
      tied_answerable += order[end].answerable;
    const double tied_unanswerable = static_cast<double>(end - begin) - tied_answerable;
    pairs += tied_answerable * (unanswerable + tied_unanswerable / 2);
    unanswerable += tied_unanswerable;
    begin = end;
  }
  return pairs / (unanswerable * (static_cast<double>(order.size()) - unanswerable));
}

AbstentionPoint AbstainWithin(double drop, std::span<const AnswerConfidence> answers) {
  const std::vector<AnswerConfidence> order = LeastSureFirst(answers);
  double answerable = 0;
  double f1 = 0;
  for (const AnswerConfidence& answer : order) {
    answerable += answer.answerable;
    if (answer.answerable) f1 += answer.f1;
  }
  const double unanswerable = static_cast<double>(order.size()) - answerable;
  const double least = f1 - drop * answerable;
  // Whoever is as unsure as the last one that may be abstained is abstained with it.
  AbstentionPoint point{std::nextafter(1.0, 2.0), f1 / answerable, 0};
  double abstained = 0;
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin;
    for (; end < order.size() && order[end].confidence <= order[begin].confidence; ++end) {
      if (order[end].answerable) {
        f1 -= order[end].f1;
      } else {
        ++abstained;
      }
    }
    if (f1 < least) break;
    point = {1.0 - order[begin].confidence, f1 / answerable, abstained / unanswerable};
    begin = end;
  }
  return point;
}

}  // namespace fovea::tools
