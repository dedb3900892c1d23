#include "lib/base/ascii.h"

#include <gtest/gtest.h>

#include <cctype>

namespace fovea {
namespace {

TEST(Ascii, ClassesAndCaseAreThoseOfTheCLocale) {
  for (int byte = 0; byte < 0x80; ++byte) {
    SCOPED_TRACE(byte);
    const char c = static_cast<char>(byte);
    EXPECT_EQ(IsAsciiSpace(c), std::isspace(byte) != 0);
    EXPECT_EQ(IsAsciiDigit(c), std::isdigit(byte) != 0);
    EXPECT_EQ(IsAsciiUpper(c), std::isupper(byte) != 0);
    EXPECT_EQ(IsAsciiLower(c), std::islower(byte) != 0);
    EXPECT_EQ(IsAsciiAlpha(c), std::isalpha(byte) != 0);
    EXPECT_EQ(IsWordByte(c), std::isalnum(byte) != 0);
    EXPECT_EQ(AsciiLower(c), std::tolower(byte));
  }
}

TEST(Ascii, BytesOfOtherCharactersAreOfNoClassButWords) {
  for (int byte = 0x80; byte < 0x100; ++byte) {
    SCOPED_TRACE(byte);
    const char c = static_cast<char>(byte);
    EXPECT_FALSE(IsAsciiSpace(c) || IsAsciiDigit(c) || IsAsciiAlpha(c));
    EXPECT_TRUE(IsWordByte(c));
    EXPECT_EQ(AsciiLower(c), c);
  }
}

TEST(Ascii, OfATextOnlyItsLettersChange) {
  EXPECT_EQ(AsciiLower("ÀB-Zaz 9É"), "Àb-zaz 9É");
  EXPECT_EQ(AsciiLower(""), "");
}

TEST(Ascii, TextIsFoundInAnyCase) {
  EXPECT_TRUE(ContainsInAnyCase("The Robot sleeps", "robot S"));
  EXPECT_TRUE(ContainsInAnyCase("a", ""));
  EXPECT_FALSE(ContainsInAnyCase("The Robot", "robots"));
}

}  // namespace
}  // namespace fovea
