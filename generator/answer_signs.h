// What besides the reader's network tells whether an answer is there: one passage that retrieval
// finds much nearer than the others, and a sentence that holds the words of the question
// (AnswerSigns, docs/reader.md).

#pragma once

#include <span>
#include <string_view>

#include "lib/reader/reader.h"
#include "retriever/searcher.h"

namespace fovea {

// Nats by which they raise log((1 − none) / none) of `reading`, that of `passages`, which `hits`
// score. Less than two cosines say nothing of a lead; a reading without a span says nothing.
double AnswerNats(const AnswerSigns& signs, std::string_view question, std::span<const Hit> hits,
                  std::span<const Passage> passages, const Reading& reading);

}  // namespace fovea
