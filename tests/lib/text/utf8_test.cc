#include "lib/text/utf8.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

namespace fovea {
namespace {

// The bit layout of UTF-8, written down once more.
std::string Encode(char32_t c) {
  const auto byte = [](char32_t value) { return static_cast<char>(value); };
  if (c < 0x80) return {byte(c)};
  if (c < 0x800) return {byte(0xC0 + c / 64), byte(0x80 + c % 64)};
  if (c < 0x10000) return {byte(0xE0 + c / 4096), byte(0x80 + c / 64 % 64), byte(0x80 + c % 64)};
  return {byte(0xF0 + c / 262144), byte(0x80 + c / 4096 % 64), byte(0x80 + c / 64 % 64),
          byte(0x80 + c % 64)};
}

TEST(Utf8, EncodesAndDecodesEveryCodePoint) {
  for (char32_t c = 0; c < 0x110000; ++c) {
    const std::string bytes = Encode(c);
    std::string appended;
    AppendUtf8(c, appended);
    const Utf8Char decoded = DecodeUtf8(bytes, 0);
    if (c >= 0xD800 && c <= 0xDFFF) {
      ASSERT_FALSE(decoded.valid || IsValidUtf8(bytes)) << std::uint32_t{c};
      ASSERT_EQ(appended, "\uFFFD") << std::uint32_t{c};
    } else {
      ASSERT_TRUE(decoded.valid && IsValidUtf8(bytes)) << std::uint32_t{c};
      ASSERT_EQ(decoded.code_point, c);
      ASSERT_EQ(decoded.length, static_cast<int>(bytes.size()));
      ASSERT_EQ(appended, bytes);
    }
  }
  std::string past;
  AppendUtf8(0x110000, past);
  EXPECT_EQ(past, "\uFFFD");
}

struct IllFormed {
  std::string bytes;
  std::string repaired;
  std::int64_t replaced;
};

// Tables 3-8 to 3-11 of the Unicode standard, and the ends of the text.
const std::vector<IllFormed> kIllFormed = {
    {"\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41", "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFDA",
     8},
    {"\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41", "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFDA",
     8},
    {"\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42", "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\x41\uFFFD\uFFFD\x42",
     7},
    {"\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41", "\uFFFD\uFFFD\uFFFD\uFFFD\x41", 8},
    {"a\xF1\x80\x80\xE1\x80\xC2"
     "b\x80"
     "c\x80\xBF"
     "d",
     "a\uFFFD\uFFFD\uFFFD"
     "b\uFFFD"
     "c\uFFFD\uFFFD"
     "d",
     9},
    {"\xE2\x82", "\uFFFD", 2},
    {"\xF0\x9F\x98", "\uFFFD", 3},
    {"\xC3", "\uFFFD", 1},
    {"\xF8\x88\x80\x80\x80", "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD", 5},
};

TEST(Utf8, RepairsOneMaximalSubpartAtATime) {
  for (const IllFormed& example : kIllFormed) {
    std::int64_t replaced = -1;
    EXPECT_EQ(RepairUtf8(example.bytes, &replaced), example.repaired);
    EXPECT_EQ(replaced, example.replaced);
    EXPECT_FALSE(IsValidUtf8(example.bytes));
    EXPECT_TRUE(IsValidUtf8(example.repaired));
  }
}

TEST(Utf8, LeavesValidTextAlone) {
  for (const std::string text :
       {"", "plain", "na\u00EFve \u4E2D\U0001F600 \uFFFD", "12345678\u00E9"}) {
    std::int64_t replaced = -1;
    EXPECT_EQ(RepairUtf8(text, &replaced), text);
    EXPECT_EQ(RepairUtf8(text), text);
    EXPECT_EQ(replaced, 0);
    EXPECT_EQ(EscapeInvalidUtf8(text), text);
  }
}

TEST(Utf8, FindsOneBadByteAtEveryPlace) {
  for (std::size_t at = 0; at < 40; ++at) {
    std::string text(40, 'x');
    text[at] = '\x80';
    EXPECT_FALSE(IsValidUtf8(text)) << at;
    EXPECT_EQ(RepairUtf8(text), std::string(at, 'x') + "\uFFFD" + std::string(39 - at, 'x'));
  }
}

TEST(Utf8, FloorsToTheBeginOfACharacter) {
  const std::string text = "a\u00E9\u4E2D\U0001F600z";
  const std::vector<std::size_t> expected = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11};
  for (std::size_t at = 0; at < expected.size(); ++at)
    EXPECT_EQ(FloorToCharacter(text, at), expected[at]) << at;
}

TEST(Utf8, EscapesBadBytesForTheEye) {
  EXPECT_EQ(EscapeInvalidUtf8("a\xFF\xE2\x82z\u00E9"), "a\\xFF\\xE2\\x82z\u00E9");
}

}  // namespace
}  // namespace fovea
