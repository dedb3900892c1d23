#include "generator/announced.h"

#include <cstddef>
#include <optional>

#include "lib/text/sentences.h"

namespace fovea {
namespace {

// Spaces before the byte at `begin` in its line; nullopt where something else stands there.
std::optional<std::size_t> Indent(std::string_view text, std::size_t begin) {
  const std::size_t line = text.substr(0, begin).find_last_of("\r\n") + 1;
  const std::string_view before = text.substr(line, begin - line);
  if (before.find_first_not_of(" \t") != std::string_view::npos) return std::nullopt;
  return before.size();
}

}  // namespace

std::vector<ByteRange> Announced(std::string_view text, ByteRange sentence) {
  std::vector<ByteRange> announced;
  if (!Slice(text, sentence).ends_with(':')) return announced;
  std::optional<std::size_t> list;  // how far its items are indented
  for (ByteRange next : SplitSentences(text)) {
    if (next.begin < sentence.end) continue;
    const std::optional<std::size_t> indent = Indent(text, next.begin);
    const std::size_t marker = ListMarker(Slice(text, next));
    if (announced.empty()) {
      list = marker > 0 ? indent : std::nullopt;
    } else if (!indent || *indent > *list) {
      continue;  // more of the same item
    } else if (*indent < *list || marker == 0) {
      break;
    }
    next.begin += marker;
    announced.push_back(next);
    if (!list) break;
  }
  return announced;
}

}  // namespace fovea
