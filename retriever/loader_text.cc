#include "retriever/loader_text.h"

#include <algorithm>

#include "lib/text/utf8.h"

namespace fovea {

ByteRange TrimText(std::string_view text, ByteRange range) {
  if (range.begin == 0 && text.starts_with(kUtf8ByteOrderMark)) {
    range.begin = std::min(range.end, kUtf8ByteOrderMark.size());
  }
  while (range.begin < range.end) {
    const Utf8Char c = DecodeUtf8(text, range.begin);
    if (!IsUnicodeSpace(c.code_point)) break;
    range.begin += static_cast<std::size_t>(c.length);
  }
  while (range.end > range.begin) {
    const std::size_t last = FloorToCharacter(text, range.end - 1);
    if (last < range.begin || !IsUnicodeSpace(DecodeUtf8(text, last).code_point)) break;
    range.end = last;
  }
  return range;
}

std::string_view TrimText(std::string_view text) {
  return Slice(text, TrimText(text, {0, text.size()}));
}

}  // namespace fovea
