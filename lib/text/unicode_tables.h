// What the tokenizers know of each code point, exactly as the implementations that the models were
// trained with (see make_unicode_tables.py: their Unicode versions differ from each other and from
// today's).

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace fovea::unicode {

// Bits of a code point; the same in make_unicode_tables.py.
enum : std::uint16_t {
  // Hugging Face `tokenizers`, BERT normaliser and pre-tokeniser:
  kControl = 1 << 0,      // Dropped by clean_text: Cc, Cf, Cn, Co, NUL, U+FFFD, but not \t \n \r.
  kSpace = 1 << 1,        // White space.
  kMark = 1 << 2,         // Mn, dropped by strip_accents.
  kPunctuation = 1 << 3,  // A word of its own.
  kDecomposes = 1 << 4,   // NFD differs.
  kLowers = 1 << 5,       // The small letter differs.
  kCombines = 1 << 6,     // Its canonical combining class is not 0.
  // llama.cpp, byte-level BPE:
  kBpeLetter = 1 << 7,
  kBpeNumber = 1 << 8,
  kBpeSpace = 1 << 9,
};

// Up to four code points.
struct Mapping {
  std::array<char32_t, 4> code_points{};
  std::size_t size = 0;
};

// Immutable, shared by threads.
class Tables {
 public:
  static const Tables& Get();

  // `code_point` <= U+10FFFF.
  std::uint16_t Bits(char32_t code_point) const {
    return values_[block_[code_point >> 8] << 8 | (code_point & 0xFF)];
  }

 private:
  Tables();

  std::vector<std::uint16_t>
      block_;  // [0x1100] Which block of 256 values a code point's upper bits lead to.
  std::vector<std::uint16_t> values_;  // Equal blocks are kept once.
};

// Canonical combining class, 0 to 240.
int CombiningClass(char32_t code_point);
// Full canonical decomposition; the code point itself if there is none.
Mapping Decompose(char32_t code_point);
// Full lower-case mapping; the code point itself if there is none.
Mapping Lower(char32_t code_point);
// What BERT puts spaces around: the CJK ideographs.
bool IsBertChinese(char32_t code_point);

}  // namespace fovea::unicode
