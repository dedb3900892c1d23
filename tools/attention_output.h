// What the reader looked at, for a terminal.

#pragma once

#include <cstddef>
#include <string>

#include "generator/pipeline.h"
#include "tools/terminal.h"

namespace fovea::tools {

// A bar a passage; below it its sentences with their weights, each word shaded by what the question
// attends to in it (of the greatest of all words), or, where a reader weighs no words, the sentence
// by its weight; "none of these" last.
std::string AttentionText(const Answer& answer, const Style& style, std::size_t width);

}  // namespace fovea::tools
