// Classes and case of ASCII characters, whatever the locale. Other bytes are of no class and are
// left as they are.

#pragma once

#include <string>
#include <string_view>

namespace fovea {

constexpr bool IsAsciiSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
constexpr bool IsAsciiDigit(char c) { return c >= '0' && c <= '9'; }
constexpr bool IsAsciiUpper(char c) { return c >= 'A' && c <= 'Z'; }
constexpr bool IsAsciiLower(char c) { return c >= 'a' && c <= 'z'; }
constexpr bool IsAsciiAlpha(char c) { return IsAsciiUpper(c) || IsAsciiLower(c); }
// Of a word in any script: a letter, a digit or a byte of a character outside ASCII.
constexpr bool IsWordByte(char c) {
  return IsAsciiDigit(c) || IsAsciiAlpha(c) || static_cast<unsigned char>(c) >= 0x80;
}

constexpr char AsciiUpper(char c) { return IsAsciiLower(c) ? static_cast<char>(c - 'a' + 'A') : c; }
constexpr char AsciiLower(char c) { return IsAsciiUpper(c) ? static_cast<char>(c - 'A' + 'a') : c; }

// With every letter lower.
inline std::string AsciiLower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = AsciiLower(c);
  return lower;
}

// Whether `part` stands in `text`, whatever the case of its letters.
inline bool ContainsInAnyCase(std::string_view text, std::string_view part) {
  return AsciiLower(text).find(AsciiLower(part)) != std::string::npos;
}

}  // namespace fovea
