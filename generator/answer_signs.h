// What besides the reader's network tells whether an answer is there: one passage that retrieval
// finds much nearer than the others, passages that agree in the answer, and a passage and sentence
// that hold the words of the question (AnswerSigns, docs/reader.md).

#pragma once

#include <span>
#include <string_view>

#include "lib/reader/reader.h"
#include "retriever/searcher.h"

namespace fovea {

// Nats by which they raise log((1 − none) / none) of `reading`, that of `passages`, which `hits`
// score. Passages that were not chosen from others (fewer than two cosines) show no signs: a
// question about a given text may use its words and still have no answer there. Nor does a reading
// without a span.
double AnswerNats(const AnswerSigns& signs, std::string_view question, std::span<const Hit> hits,
                  std::span<const Passage> passages, const Reading& reading);

}  // namespace fovea
