// Texts, one a line, from a file or standard input.

#pragma once

#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace fovea::tools {

// Lines without their "\n" (a "\r" before it stays: it is part of the text). A last line needs no
// "\n"; "" has no lines.
std::vector<std::string_view> SplitLines(std::string_view text);

// Nothing but white space.
bool IsBlank(std::string_view text);

// The whole of a file, or of standard input for "-". Throws Error(kNotFound | kIo),
// Error(kCancelled) while waiting for input.
std::string ReadFileOrInput(const std::string& file, const std::stop_token& stop);

// What standard input has ready, at least one byte; 0 at its end. Waits for it; throws Error(kIo),
// Error(kCancelled) on `stop`.
std::size_t ReadSomeInput(std::span<char> buffer, const std::stop_token& stop);

// Words joined by single spaces: a query given without quotes.
std::string JoinWords(const std::vector<std::string>& words);

}  // namespace fovea::tools
