// The words of an answer and what they cite: within a limit on words, in quotations too.

#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "generator/announced.h"
#include "generator/answer.h"
#include "generator/grounding.h"
#include "lib/text/document.h"

namespace fovea {

// Sentences of an answer as they are put together.
class AnswerText {
 public:
  // 0: no limit.
  explicit AnswerText(int max_words) : max_words_(max_words) {}

  // False if the sentence did not fit; the first one is cut around `part` instead.
  bool Add(std::string sentence, std::string_view part = {});

  // Whatever the case.
  bool Contains(std::string_view words) const;

  // Together they are the text.
  const std::vector<std::string>& pieces() const { return pieces_; }

 private:
  int max_words_;
  int words_ = 0;
  std::vector<std::string> pieces_;
};

// `sentence` is one of `passages`.
Citation Cite(std::span<const Passage> passages, const EvidenceSentence& sentence);

// The same sentence may be read in two overlapping passages: it is cited once.
void AddCitation(std::vector<Citation>& citations, Citation citation);

// The first of `sentences` (not empty, heaviest first) with `announced`, the announcement that it
// makes or is part of; where there is none, the second where it weighs nearly as much and both are
// short. Sets the answer's source and citations.
std::vector<std::string> Quote(std::span<const Passage> passages,
                               std::span<const EvidenceSentence> sentences,
                               const std::optional<Announcement>& announced,
                               const AskOptions& options, Answer& answer);

}  // namespace fovea
