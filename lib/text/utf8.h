// UTF-8: validation, decoding, repair.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace fovea {

inline constexpr char32_t kReplacementCharacter = 0xFFFD;

// One decoded character.
struct Utf8Char {
  char32_t code_point = 0;
  int length = 0;  // Bytes consumed, >= 1.
  bool valid = true;  // If not: code_point is U+FFFD, length the maximal ill-formed subpart (Unicode 15, section 3.9, table 3-8).
};

// The character that starts at text[at]; at < text.size().
Utf8Char DecodeUtf8(std::string_view text, std::size_t at);

// Appends the UTF-8 form of `code_point` (a scalar value; surrogates and values past U+10FFFF become U+FFFD).
void AppendUtf8(char32_t code_point, std::string& out);

bool IsValidUtf8(std::string_view text);

// `text` with every ill-formed subpart replaced by U+FFFD; `*repaired` (if not null) receives the number of bytes replaced.
std::string RepairUtf8(std::string_view text, std::int64_t* repaired = nullptr);

// The largest character border <= at, in valid UTF-8.
std::size_t FloorToCharacter(std::string_view text, std::size_t at);

// Valid UTF-8 for the terminal and for JSON: ill-formed bytes become "\xNN" (four ASCII characters).
std::string EscapeInvalidUtf8(std::string_view text);

}  // namespace fovea
