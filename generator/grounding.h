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

// Whether the sentence `evidence` says what `statement` says, as far as words tell: all of its
// words (but light ones; forms of "to be" count) stand there in the same order, one after the other
// or with what is enclosed by two commas, brackets or dashes left out, from the beginning of a
// clause on, unless it is a mere phrase; and both are negated or neither is. A small decoder that
// goes wrong mostly says things of the wrong ones. Where the evidence begins with a pronoun, the
// statement may begin with words of `question` instead. A statement without words is not borne out.
bool BearsOut(std::string_view evidence, std::string_view statement, std::string_view question);

// Whether the passage (title, heading or text) holds one of the question's words, spelling errors
// of one letter in longer ones allowed. What is measured does not count: "deep" of "how deep".
// True where the question has no word that counts.
bool IsAbout(std::string_view question, const Passage& passage);

// Whether the sentence asks the question, in its very words: it is no answer then.
bool Repeats(std::string_view sentence, std::string_view question);

struct GroundedStatement {
  std::string text;          // one sentence of the answer, white space collapsed
  std::size_t evidence = 0;  // index of the sentence that bears it out
};

// The sentences of `answer` up to the first that no sentence of `evidence` bears out, or that
// repeats an earlier one or itself, or says of something that it is the same thing. Of those that
// bear one out, that to which the reader attends most is named.
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
