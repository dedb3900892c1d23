#include "tools/json_lines.h"

#include "lib/base/error.h"
#include "lib/base/file.h"
#include "tools/text_lines.h"

namespace fovea::tools {

std::string JsonLine::Text(const char* key) const {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string()) {
    throw Error(ErrorCode::kInvalidArgument, where + ": no text under \"" + key + "\"");
  }
  return found->get<std::string>();
}

std::vector<JsonLine> ReadJsonLines(const std::string& file, std::size_t* bad) {
  return ParseJsonLines(ReadFile(file), file, bad);
}

std::vector<JsonLine> ParseJsonLines(std::string_view text, const std::string& file,
                                     std::size_t* bad) {
  std::vector<JsonLine> lines;
  std::size_t number = 0;
  for (const std::string_view line : SplitLines(text)) {
    ++number;
    if (IsBlank(line)) continue;
    JsonLine parsed{file + ":" + std::to_string(number), {}};
    parsed.object = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!parsed.object.is_object()) {
      if (bad != nullptr) {
        ++*bad;
        continue;
      }
      throw Error(ErrorCode::kInvalidArgument, parsed.where + ": not a JSON object");
    }
    lines.push_back(std::move(parsed));
  }
  return lines;
}

}  // namespace fovea::tools
