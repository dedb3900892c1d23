// Files of one JSON object a line.

#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace fovea::tools {

struct JsonLine {
  std::string where;  // "questions.jsonl:17"
  nlohmann::json object;

  // The string under `key`. Throws Error(kInvalidArgument) that names line and key if it is missing
  // or no string.
  std::string Text(const char* key) const;
};

// Blank lines are skipped. Throws Error(kNotFound | kIo), Error(kInvalidArgument) naming the line
// that is not a JSON object; with `bad`, such lines are left out and counted there instead.
std::vector<JsonLine> ReadJsonLines(const std::string& file, std::size_t* bad = nullptr);

// The same of a text that was read from `file`.
std::vector<JsonLine> ParseJsonLines(std::string_view text, const std::string& file,
                                     std::size_t* bad = nullptr);

}  // namespace fovea::tools
