// What the reader attended to, as one page for a browser: `--attention-html FILE`.

#pragma once

#include <string>

#include "generator/pipeline.h"

namespace fovea::tools {

// The page of an answer that was asked for with AttentionDetail::kHeads. It needs nothing but
// itself: tools/attention_page/ is its style and script, docs/formats.md the reading inside. Of a
// reader without heads, sentences alone. Text of documents is data in it, never markup. The same
// answer gives the same page.
std::string AttentionPage(const Answer& answer);

}  // namespace fovea::tools
