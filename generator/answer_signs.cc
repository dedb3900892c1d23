#include "generator/answer_signs.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "generator/evidence.h"
#include "generator/words.h"
#include "lib/base/ascii.h"

namespace fovea {
namespace {

std::set<std::string> Stems(std::string_view text) {
  return ContentStems(SplitWords(AsciiLower(text)));
}

// How far the greatest cosine lies above the mean of the others.
std::optional<double> Lead(std::span<const Hit> hits) {
  std::vector<double> scores;
  for (const Hit& hit : hits) {
    if (hit.dense_score) scores.push_back(static_cast<double>(*hit.dense_score));
  }
  if (scores.size() < 2) return std::nullopt;
  std::sort(scores.begin(), scores.end());
  double others = 0;
  for (std::size_t i = 0; i + 1 < scores.size(); ++i) others += scores[i];
  return scores.back() - others / static_cast<double>(scores.size() - 1);
}

// Share of the question's words that the sentence holds; nullopt: it has none that count.
std::optional<double> Covered(std::string_view question, std::string_view sentence) {
  const std::set<std::string> asked = Stems(question);
  if (asked.empty()) return std::nullopt;
  const std::set<std::string> there = Stems(sentence);
  const auto found = std::count_if(asked.begin(), asked.end(),
                                   [&](const std::string& stem) { return there.contains(stem); });
  return static_cast<double>(found) / static_cast<double>(asked.size());
}

}  // namespace

double AnswerNats(const AnswerSigns& signs, std::string_view question, std::span<const Hit> hits,
                  std::span<const Passage> passages, const Reading& reading) {
  const std::optional<double> lead = Lead(hits);
  if (reading.spans.empty() || !lead) return 0;
  const auto nats = [](float weight, float neutral, double value) {
    return static_cast<double>(weight) * (value - static_cast<double>(neutral));
  };
  const std::vector<EvidenceSentence> sentences = SentencesByWeight(passages, reading);
  const std::optional<double> covered = Covered(question, sentences.front().text);
  return nats(signs.lead, signs.neutral_lead, *lead) +
         (covered ? nats(signs.covered, signs.neutral_covered, *covered) : 0);
}

}  // namespace fovea
