#include "lib/text/unicode_tables.h"

#include <algorithm>
#include <iterator>
#include <map>

namespace fovea::unicode {
namespace {

struct BitsRun {
  char32_t first, last;
  std::uint16_t bits;
};
struct ClassRun {
  char32_t first, last;
  int combining_class;
};
struct Decomposition {
  char32_t from;
  std::array<char32_t, 4> to;  // 0 behind the last.
};
struct Lowering {
  char32_t from;
  std::array<char32_t, 2> to;
};

#include "lib/text/unicode_tables.inc"

// Hangul syllables decompose by arithmetic (Unicode, section 3.12).
constexpr char32_t kHangulFirst = 0xAC00;
constexpr char32_t kHangulLast = 0xD7A3;
constexpr char32_t kVowels = 21;
constexpr char32_t kTrailing = 28;

template <class Row, std::size_t N>
Mapping Find(const Row (&rows)[N], char32_t code_point) {
  Mapping mapping;
  const Row* row = std::lower_bound(std::begin(rows), std::end(rows), code_point,
                                    [](const Row& r, char32_t c) { return r.from < c; });
  if (row == std::end(rows) || row->from != code_point) {
    mapping.code_points[0] = code_point;
    mapping.size = 1;
    return mapping;
  }
  for (const char32_t c : row->to) {
    if (c != 0) mapping.code_points[mapping.size++] = c;
  }
  return mapping;
}

}  // namespace

Tables::Tables() : block_(0x1100) {
  std::map<std::vector<std::uint16_t>, std::uint16_t> blocks;
  const BitsRun* run = std::begin(kBits);
  std::vector<std::uint16_t> block(256);
  for (char32_t start = 0; start < 0x110000; start += 256) {
    std::fill(block.begin(), block.end(), std::uint16_t{0});
    for (; run != std::end(kBits) && run->first < start + 256; ++run) {
      const char32_t first = std::max(run->first, start);
      const char32_t last = std::min<char32_t>(run->last, start + 255);
      std::fill(block.begin() + (first - start), block.begin() + (last - start + 1), run->bits);
      if (run->last > start + 255) break;  // Goes on in the next block.
    }
    const auto number = static_cast<std::uint16_t>(blocks.size());
    const auto [place, is_new] = blocks.emplace(block, number);
    if (is_new) values_.insert(values_.end(), block.begin(), block.end());
    block_[start >> 8] = place->second;
  }
}

const Tables& Tables::Get() {
  static const Tables tables;
  return tables;
}

int CombiningClass(char32_t code_point) {
  const ClassRun* run =
      std::lower_bound(std::begin(kCombiningClasses), std::end(kCombiningClasses), code_point,
                       [](const ClassRun& r, char32_t c) { return r.last < c; });
  return run != std::end(kCombiningClasses) && run->first <= code_point ? run->combining_class : 0;
}

Mapping Decompose(char32_t code_point) {
  if (code_point < kHangulFirst || code_point > kHangulLast)
    return Find(kDecompositions, code_point);
  const char32_t syllable = code_point - kHangulFirst;
  const char32_t trailing = syllable % kTrailing;
  Mapping mapping;
  mapping.code_points[0] = 0x1100 + syllable / (kVowels * kTrailing);
  mapping.code_points[1] = 0x1161 + syllable % (kVowels * kTrailing) / kTrailing;
  mapping.code_points[2] = 0x11A7 + trailing;
  mapping.size = trailing == 0 ? 2 : 3;
  return mapping;
}

Mapping Lower(char32_t code_point) { return Find(kLowerings, code_point); }

bool IsBertChinese(char32_t c) {
  return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) ||
         (c >= 0x20000 && c <= 0x2A6DF) || (c >= 0x2A700 && c <= 0x2B73F) ||
         (c >= 0x2B740 && c <= 0x2B81F) || (c >= 0x2B920 && c <= 0x2CEAF) ||
         (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x2F800 && c <= 0x2FA1F);
}

}  // namespace fovea::unicode
