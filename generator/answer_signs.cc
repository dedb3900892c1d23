#include "generator/answer_signs.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "generator/evidence.h"
#include "generator/words.h"

namespace fovea {
namespace {

std::set<std::string> Stems(std::string_view text) { return ContentStems(LowerWords(text)); }

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

// Share of `asked` that the text holds.
double Covered(const std::set<std::string>& asked, std::string_view text) {
  const std::set<std::string> there = Stems(text);
  const auto found = std::count_if(asked.begin(), asked.end(),
                                   [&](const std::string& stem) { return there.contains(stem); });
  return static_cast<double>(found) / static_cast<double>(asked.size());
}

// Of the weight of all passages, the share of those that hold the short answer.
double Agreeing(std::span<const Passage> passages, const Reading& reading) {
  const AnswerSpan& span = reading.spans.front();
  const std::vector<std::string> answer =
      LowerWords(Slice(passages[span.passage].text, span.range));
  double agreeing = 0;
  double all = 0;
  for (std::size_t i = 0; i < passages.size(); ++i) {
    const auto weight = static_cast<double>(reading.passages[i].weight);
    all += weight;
    if (i == span.passage || HoldsRun(LowerWords(passages[i].text), answer)) agreeing += weight;
  }
  return all > 0 ? agreeing / all : 0;
}

double Nats(const AnswerSign& sign, double value) {
  return static_cast<double>(sign.nats) * (value - static_cast<double>(sign.neutral));
}

}  // namespace

double AnswerNats(const AnswerSigns& signs, std::string_view question, std::span<const Hit> hits,
                  std::span<const Passage> passages, const Reading& reading) {
  const std::optional<double> lead = Lead(hits);
  if (reading.spans.empty() || !lead) return 0;
  const double nats = Nats(signs.lead, *lead) + Nats(signs.share, Agreeing(passages, reading));
  const std::set<std::string> asked = Stems(question);
  if (asked.empty()) return nats;
  const EvidenceSentence answering = SentencesByWeight(passages, reading).front();
  const Passage& passage = passages[answering.passage];
  const std::string all = passage.title + "\n" + passage.heading + "\n" + passage.text;
  return nats + Nats(signs.covered, Covered(asked, answering.text)) +
         Nats(signs.known, Covered(asked, all));
}

}  // namespace fovea
