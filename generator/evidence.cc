#include "generator/evidence.h"

#include <algorithm>

namespace fovea {

std::vector<EvidenceSentence> SentencesByWeight(std::span<const Passage> passages,
                                                const Reading& reading) {
  std::vector<EvidenceSentence> sentences;
  for (std::size_t p = 0; p < passages.size(); ++p) {
    for (const SentenceWeight& sentence : reading.passages[p].sentences) {
      sentences.push_back(
          {p, sentence.range, Slice(passages[p].text, sentence.range), sentence.weight});
    }
  }
  std::stable_sort(
      sentences.begin(), sentences.end(),
      [](const EvidenceSentence& a, const EvidenceSentence& b) { return a.weight > b.weight; });
  if (!reading.spans.empty()) {
    const AnswerSpan& span = reading.spans.front();
    std::stable_partition(sentences.begin(), sentences.end(), [&](const EvidenceSentence& s) {
      return s.passage == span.passage && Overlap(s.range, span.range);
    });
  }
  return sentences;
}

std::vector<EvidenceSentence> ShownIn(const Prompt& prompt,
                                      std::span<const EvidenceSentence> sentences) {
  std::vector<EvidenceSentence> shown;
  for (const EvidenceSentence& sentence : sentences) {
    const bool inside =
        std::any_of(prompt.evidence.begin(), prompt.evidence.end(), [&](const Evidence& run) {
          return run.passage == sentence.passage && Overlap(run.range, sentence.range);
        });
    if (inside) shown.push_back(sentence);
  }
  return shown;
}

std::vector<CopySource> CopySources(std::span<const Passage> passages, const Reading& reading,
                                    const Prompt& prompt) {
  std::vector<CopySource> sources;
  for (const Evidence& run : prompt.evidence) {
    CopySource& source = sources.emplace_back();
    source.text = Slice(passages[run.passage].text, run.range);
    for (TokenWeight token : reading.passages[run.passage].tokens) {
      if (token.range.begin < run.range.begin || token.range.end > run.range.end) continue;
      token.range = {token.range.begin - run.range.begin, token.range.end - run.range.begin};
      source.tokens.push_back(token);
    }
  }
  return sources;
}

}  // namespace fovea
