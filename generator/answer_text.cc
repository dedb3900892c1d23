#include "generator/answer_text.h"

#include <algorithm>
#include <utility>

#include "lib/base/ascii.h"

namespace fovea {
namespace {

// A quotation takes in a second sentence that weighs at least this share of the best one, up to
// this many words together.
constexpr float kSecondSentenceShare = 0.3f;
constexpr int kQuotedWords = 40;

// Empty where the words that may be used end before the sentence.
std::vector<std::string> QuoteAnnouncement(std::span<const Passage> passages,
                                           const EvidenceSentence& best,
                                           const Announcement& announced, const AskOptions& options,
                                           Answer& answer) {
  const std::string_view passage = passages[best.passage].text;
  AnswerText text(options.max_words);
  std::vector<Citation> citations;
  std::size_t end = 0;
  const auto add = [&](ByteRange range) {
    const std::string_view part = Slice(passage, range);
    if (!text.Add(CollapseSpace(part), answer.short_answer.value_or(""))) return false;
    AddCitation(citations, Cite(passages, {best.passage, range, part, best.weight}));
    end = range.end;
    return true;
  };
  bool fits = add(announced.sentence);
  for (const ByteRange& part : announced.parts) fits = fits && add(part);
  if (end < best.range.end) return {};
  answer.citations = std::move(citations);
  return text.pieces();
}

}  // namespace

bool AnswerText::Add(std::string sentence, std::string_view part) {
  if (max_words_ > 0 && words_ + CountWords(sentence) > max_words_) {
    if (words_ > 0) return false;
    // The marks of what is left out count as words, too.
    sentence = CutWords(sentence, std::max(1, max_words_ - 2), part);
  }
  words_ += CountWords(sentence);
  pieces_.push_back((pieces_.empty() ? "" : " ") + std::move(sentence));
  return true;
}

bool AnswerText::Contains(std::string_view words) const {
  std::string text;
  for (const std::string& piece : pieces_) text += piece;
  return ContainsInAnyCase(text, words);
}

Citation Cite(std::span<const Passage> passages, const EvidenceSentence& sentence) {
  const Passage& passage = passages[sentence.passage];
  return {passage.document,
          passage.title,
          {passage.range.begin + sentence.range.begin, passage.range.begin + sentence.range.end},
          std::string(sentence.text),
          sentence.weight};
}

void AddCitation(std::vector<Citation>& citations, Citation citation) {
  const bool there = std::any_of(citations.begin(), citations.end(), [&](const Citation& other) {
    return other.document == citation.document && other.range == citation.range;
  });
  if (!there) citations.push_back(std::move(citation));
}

std::vector<std::string> Quote(std::span<const Passage> passages,
                               std::span<const EvidenceSentence> sentences,
                               const std::optional<Announcement>& announced,
                               const AskOptions& options, Answer& answer) {
  answer.source = AnswerSource::kQuoted;
  answer.citations.clear();
  const EvidenceSentence& best = sentences.front();
  if (announced) {
    std::vector<std::string> pieces =
        QuoteAnnouncement(passages, best, *announced, options, answer);
    if (!pieces.empty()) return pieces;
  }
  AnswerText text(options.max_words);
  text.Add(CollapseSpace(best.text), answer.short_answer.value_or(""));
  AddCitation(answer.citations, Cite(passages, best));
  for (std::size_t i = 1;
       i < sentences.size() && sentences[i].weight >= kSecondSentenceShare * best.weight; ++i) {
    if (CollapseSpace(sentences[i].text) == CollapseSpace(best.text)) continue;
    if (CountWords(best.text) + CountWords(sentences[i].text) <= kQuotedWords &&
        text.Add(CollapseSpace(sentences[i].text))) {
      AddCitation(answer.citations, Cite(passages, sentences[i]));
    }
    break;
  }
  return text.pieces();
}

}  // namespace fovea
