// From a reading to the sentences that an answer is made of and checked against.
//
// `reading` is that of `passages`; sentences borrow the passages' texts.

#pragma once

#include <span>
#include <vector>

#include "generator/copy_distribution.h"
#include "generator/grounding.h"
#include "generator/prompt.h"
#include "lib/reader/reader.h"
#include "lib/text/document.h"

namespace fovea {

// All sentences: those that hold the short answer, then by weight.
std::vector<EvidenceSentence> SentencesByWeight(std::span<const Passage> passages,
                                                const Reading& reading);

// Those of them that the prompt shows.
std::vector<EvidenceSentence> ShownIn(const Prompt& prompt,
                                      std::span<const EvidenceSentence> sentences);

// The evidence that the prompt shows, with the reader's weights.
std::vector<CopySource> CopySources(std::span<const Passage> passages, const Reading& reading,
                                    const Prompt& prompt);

}  // namespace fovea
