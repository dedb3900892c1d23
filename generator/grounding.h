// Whether the evidence bears out what the decoder wrote, and which sentence does: the check before
// an answer is shown. And before that, whether a passage is about the question at all.
//
// Words are compared by their stems (generator/words.h).

#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/byte_range.h"
#include "lib/text/document.h"

namespace fovea {

// A sentence of a passage that was read.
struct EvidenceSentence {
  std::size_t passage = 0;
  ByteRange range;        // of the passage's text
  std::string_view text;  // Borrowed.
  float weight = 0;       // the reader's
};

// Share of `statement`'s words that stand in `evidence` in the same order, 0 … 1: a small decoder
// that goes wrong mostly says things of the wrong ones. 0 if a number or a name occurs neither there
// nor in `question` (a name: a word with a capital that does not begin the statement), if only one
// of statement and evidence is negated, and of a statement without words.
double Support(std::string_view statement, std::string_view evidence, std::string_view question);

// A statement is shown only if one sentence supports at least this share of it. (By measurement:
// docs/generation.md.)
inline constexpr double kLeastSupport = 0.95;

// Whether the passage (title, heading or text) holds one of the question's words, spelling errors
// of one letter in longer ones allowed. What is measured does not count: "deep" of "how deep".
// True where the question has no word that counts.
bool IsAbout(std::string_view question, const Passage& passage);

// Whether the sentence asks the question, in its very words: it is no answer then.
bool Repeats(std::string_view sentence, std::string_view question);

struct GroundedStatement {
  std::string text;          // one sentence of the answer, white space collapsed
  std::size_t evidence = 0;  // index of the sentence that supports it most
  double support = 0;
};

// The sentences of `answer` up to the first that no sentence of `evidence` supports, or that
// repeats an earlier one or itself, or says of something that it is the same thing. Of those that
// support one, that to which the reader attends most is named.
std::vector<GroundedStatement> Ground(std::string_view answer,
                                      std::span<const EvidenceSentence> evidence,
                                      std::string_view question);

// `text` with every run of white space as one space, none at the ends.
std::string CollapseSpace(std::string_view text);

// `words` words of `text` at most, those around the first occurrence of `part` (both with white
// space collapsed; the first ones where it is not there), with "…" where something is left out.
std::string CutWords(std::string_view text, int words, std::string_view part = {});
int CountWords(std::string_view text);

}  // namespace fovea
