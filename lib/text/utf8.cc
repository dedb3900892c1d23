#include "lib/text/utf8.h"

#include <cstring>

namespace fovea {
namespace {

constexpr bool IsContinuation(unsigned char byte) { return (byte & 0xC0) == 0x80; }

// What a lead byte announces: the length of the sequence (0: not a lead byte), and the range its
// second byte must lie in, which is where overlong forms, surrogates and values past U+10FFFF are
// shut out.
struct Lead {
  int length;
  unsigned char second_low;
  unsigned char second_high;
};

constexpr Lead LeadOf(unsigned char byte) {
  if (byte >= 0xC2 && byte <= 0xDF) return {2, 0x80, 0xBF};
  if (byte == 0xE0) return {3, 0xA0, 0xBF};
  if (byte == 0xED) return {3, 0x80, 0x9F};
  if (byte >= 0xE1 && byte <= 0xEF) return {3, 0x80, 0xBF};
  if (byte == 0xF0) return {4, 0x90, 0xBF};
  if (byte >= 0xF1 && byte <= 0xF3) return {4, 0x80, 0xBF};
  if (byte == 0xF4) return {4, 0x80, 0x8F};
  return {0, 0, 0};
}

// The first byte at or after `at` that is not ASCII (or the end); eight bytes a step.
std::size_t SkipAscii(std::string_view text, std::size_t at) {
  while (at + 8 <= text.size()) {
    std::uint64_t word;
    std::memcpy(&word, text.data() + at, sizeof word);
    if ((word & 0x8080808080808080u) != 0) break;
    at += 8;
  }
  while (at < text.size() && static_cast<unsigned char>(text[at]) < 0x80) ++at;
  return at;
}

// The first ill-formed byte at or after `at`, or the end.
std::size_t SkipValid(std::string_view text, std::size_t at) {
  for (;;) {
    at = SkipAscii(text, at);
    if (at == text.size()) return at;
    const Utf8Char c = DecodeUtf8(text, at);
    if (!c.valid) return at;
    at += static_cast<std::size_t>(c.length);
  }
}

}  // namespace

Utf8Char DecodeUtf8(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(at);
  if (first < 0x80) return {first, 1, true};
  const Lead lead = LeadOf(first);
  if (lead.length == 0) return {kReplacementCharacter, 1, false};
  char32_t code_point = first & (0x7Fu >> lead.length);
  for (int i = 1; i < lead.length; ++i) {
    const std::size_t next = at + static_cast<std::size_t>(i);
    const bool fits = next < text.size() &&
                      (i == 1 ? byte(next) >= lead.second_low && byte(next) <= lead.second_high
                              : IsContinuation(byte(next)));
    if (!fits) return {kReplacementCharacter, i, false};
    code_point = code_point << 6 | (byte(next) & 0x3Fu);
  }
  return {code_point, lead.length, true};
}

void AppendUtf8(char32_t code_point, std::string& out) {
  if (code_point > 0x10FFFF || (code_point >= 0xD800 && code_point <= 0xDFFF)) {
    code_point = kReplacementCharacter;
  }
  const auto continuation = [&](int shift) {
    return static_cast<char>(0x80 | (code_point >> shift & 0x3F));
  };
  if (code_point < 0x80) {
    out += static_cast<char>(code_point);
  } else if (code_point < 0x800) {
    out += {static_cast<char>(0xC0 | code_point >> 6), continuation(0)};
  } else if (code_point < 0x10000) {
    out += {static_cast<char>(0xE0 | code_point >> 12), continuation(6), continuation(0)};
  } else {
    out += {static_cast<char>(0xF0 | code_point >> 18), continuation(12), continuation(6),
            continuation(0)};
  }
}

bool IsValidUtf8(std::string_view text) { return SkipValid(text, 0) == text.size(); }

std::string RepairUtf8(std::string_view text, std::int64_t* repaired) {
  std::string out;
  out.reserve(text.size());
  std::int64_t replaced = 0;
  std::size_t at = 0;
  for (;;) {
    const std::size_t bad = SkipValid(text, at);
    out.append(text, at, bad - at);
    if (bad == text.size()) break;
    const int length = DecodeUtf8(text, bad).length;
    AppendUtf8(kReplacementCharacter, out);
    replaced += length;
    at = bad + static_cast<std::size_t>(length);
  }
  if (repaired != nullptr) *repaired = replaced;
  return out;
}

std::size_t FloorToCharacter(std::string_view text, std::size_t at) {
  if (at >= text.size()) return text.size();
  while (at > 0 && IsContinuation(static_cast<unsigned char>(text[at]))) --at;
  return at;
}

std::string EscapeInvalidUtf8(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  std::size_t at = 0;
  for (;;) {
    const std::size_t bad = SkipValid(text, at);
    out.append(text, at, bad - at);
    if (bad == text.size()) return out;
    const auto length = static_cast<std::size_t>(DecodeUtf8(text, bad).length);
    for (std::size_t i = bad; i < bad + length; ++i) {
      const auto byte = static_cast<unsigned char>(text[i]);
      out += {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
    }
    at = bad + length;
  }
}

}  // namespace fovea
