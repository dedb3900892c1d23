// English paragraphs written for the timings, on subjects that differ, so that searches and answers
// have something to find.

#pragma once

#include <span>
#include <string_view>

namespace fovea::tools {

std::span<const std::string_view> BenchParagraphs();
// Questions that the paragraphs answer.
std::span<const std::string_view> BenchQuestions();

}  // namespace fovea::tools
