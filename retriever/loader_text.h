// White space and byte order marks, as loaders and chunker see them.

#pragma once

#include <string_view>

#include "lib/base/byte_range.h"

namespace fovea {

inline constexpr std::string_view kUtf8ByteOrderMark = "\xEF\xBB\xBF";

// The White_Space property of Unicode.
constexpr bool IsUnicodeSpace(char32_t c) {
  return c == ' ' || (c >= 0x09 && c <= 0x0D) || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}

// `range` of valid UTF-8 without the white space at its ends, nor a byte order mark at the begin of
// the text.
ByteRange TrimText(std::string_view text, ByteRange range);
std::string_view TrimText(std::string_view text);

}  // namespace fovea
