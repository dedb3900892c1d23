// The short answer without a trained pointer: the part of a well-weighted sentence that is of the
// kind asked for.

#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "lib/base/byte_range.h"
#include "lib/reader/reader.h"

namespace fovea {

// What the question's words ask for.
enum class AnswerKind { kDate, kNumber, kName, kSentence };

AnswerKind KindOfAnswer(std::string_view question);

// The first part of `sentence` of that kind that the question does not already hold: a date, a
// number with its unit, a run of capitalised words. nullopt if there is none, and for kSentence.
std::optional<ByteRange> FindAnswer(std::string_view sentence, AnswerKind kind,
                                    std::string_view question);

// Best first: the part asked for of each of the best sentences (by weight, ties in order of
// appearance), else the whole sentence. `readings` are those of `passages`. A span's score is its
// sentence's weight.
std::vector<AnswerSpan> ShortAnswers(std::string_view question,
                                     std::span<const ReaderInput> passages,
                                     std::span<const PassageReading> readings);

}  // namespace fovea
