// An answer for programs (JSON) and for people (the terminal).

#pragma once

#include <string>

#include "generator/pipeline.h"
#include "tools/output.h"
#include "tools/terminal.h"

namespace fovea::tools {

// The object that docs/commands.md describes under `ask`.
Json AnswerJson(const Answer& answer);

// How the decoder's context was spent and what was left out of it, on one line: of `ask --verbose`.
std::string WindowText(const Answer& answer);

// The answer and its citations, numbered: [1] path:begin-end "text".
std::string AnswerText(const Answer& answer, const Style& style, std::size_t width);
std::string CitationsText(const Answer& answer, const Style& style, std::size_t width);

// The citations, then the passages that were read, each with its weight, its place and its text.
std::string SourcesText(const Answer& answer, const Style& style, std::size_t width);

}  // namespace fovea::tools
