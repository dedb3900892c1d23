// BEIR's corpus.jsonl: one JSON object a line with `_id`, `title`, `text`; other keys are metadata.

#pragma once

#include <string>
#include <string_view>

#include "retriever/loader.h"

namespace fovea {

// Whether the first line that is not blank is a JSON object with `_id` and `text`.
bool LooksLikeBeir(std::string_view text);

// Gives every line's document to the sink, in order; a line that is none is skipped as
// "<name of the file>:17" with the reason. `text` is valid UTF-8.
void LoadBeir(const std::string& file_name, std::string_view text, const LoaderSink& sink);

}  // namespace fovea
