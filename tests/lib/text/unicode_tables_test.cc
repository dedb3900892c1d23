#include "lib/text/unicode_tables.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

namespace fovea::unicode {
namespace {

std::u32string Text(const Mapping& mapping) {
  return {mapping.code_points.begin(), mapping.code_points.begin() + mapping.size};
}

TEST(UnicodeTables, HaveTheBitsOfAscii) {
  const Tables& tables = Tables::Get();
  for (char32_t c = 0; c < 128; ++c) {
    const std::uint16_t bits = tables.Bits(c);
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool digit = c >= '0' && c <= '9';
    const bool space = c == ' ' || (c >= 9 && c <= 13);
    EXPECT_EQ((bits & kBpeLetter) != 0, letter) << std::uint32_t{c};
    EXPECT_EQ((bits & kBpeNumber) != 0, digit) << std::uint32_t{c};
    EXPECT_EQ((bits & kBpeSpace) != 0, space) << std::uint32_t{c};
    EXPECT_EQ((bits & kSpace) != 0, space) << std::uint32_t{c};
    EXPECT_EQ((bits & kPunctuation) != 0, c > 32 && c < 127 && !letter && !digit)
        << std::uint32_t{c};
    EXPECT_EQ((bits & kControl) != 0, (c < 32 && c != 9 && c != 10 && c != 13) || c == 127)
        << std::uint32_t{c};
    EXPECT_EQ((bits & kLowers) != 0, c >= 'A' && c <= 'Z') << std::uint32_t{c};
    EXPECT_EQ(bits & (kMark | kDecomposes | kCombines), 0) << std::uint32_t{c};
  }
}

TEST(UnicodeTables, AgreeWithTheirMappings) {
  const Tables& tables = Tables::Get();
  for (char32_t c = 0; c < 0x110000; ++c) {
    const std::uint16_t bits = tables.Bits(c);
    ASSERT_EQ((bits & kDecomposes) != 0, Text(Decompose(c)) != std::u32string(1, c))
        << std::uint32_t{c};
    ASSERT_EQ((bits & kLowers) != 0, Text(Lower(c)) != std::u32string(1, c)) << std::uint32_t{c};
    ASSERT_TRUE((bits & kDecomposes) != 0 || ((bits & kCombines) != 0) == (CombiningClass(c) != 0))
        << std::uint32_t{c};
    for (const char32_t part : Text(Decompose(c)))
      ASSERT_EQ(tables.Bits(part) & kDecomposes, 0) << std::uint32_t{c};
  }
}

TEST(UnicodeTables, KnowWellKnownMappings) {
  EXPECT_EQ(Text(Decompose(U'\u1E69')), U"s\u0323\u0307");
  EXPECT_EQ(Text(Decompose(U'\uD4DB')), U"\u1111\u1171\u11B6");
  EXPECT_EQ(Text(Decompose(U'\u212B')), U"A\u030A");
  EXPECT_EQ(Text(Lower(U'\u0130')), U"i\u0307");
  EXPECT_EQ(Text(Lower(U'\u03A3')), U"\u03C3");
  EXPECT_EQ(CombiningClass(U'\u0301'), 230);
  EXPECT_EQ(CombiningClass(U'\u0345'), 240);
  EXPECT_EQ(CombiningClass(U'a'), 0);
  EXPECT_TRUE(IsBertChinese(U'\u4E2D') && !IsBertChinese(U'\u3042') && !IsBertChinese(U'\uAC00'));
}

}  // namespace
}  // namespace fovea::unicode
