#include "tools/terminal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fovea::tools {
namespace {

using ::testing::ElementsAre;

TEST(WrapText, BreaksBetweenWordsAndKeepsLongOnesWhole) {
  EXPECT_THAT(WrapText("aa bb\n\tcc  dddddddd e", 5), ElementsAre("aa bb", "cc", "dddddddd", "e"));
  EXPECT_THAT(WrapText("", 5), ElementsAre(""));
  EXPECT_THAT(WrapText(" \n ", 5), ElementsAre(""));
}

TEST(WrapText, CountsCharactersAndNotBytes) {
  EXPECT_THAT(WrapText("äöü éèê", 7), ElementsAre("äöü éèê"));
}

TEST(ForTerminal, LetsNoEscapeSequenceThrough) {
  EXPECT_EQ(ForTerminal("a\033[31mb\rc\x7f"), "a?[31mb?c?");
  EXPECT_EQ(ForTerminal("tab\tline\nend"), "tab\tline\nend");
  EXPECT_EQ(ForTerminal("x\xC2\x9By"), "x?y");  // U+009B is CSI.
  EXPECT_EQ(ForTerminal("é\xFF"), "é\\xFF");
}

TEST(Style, WritesNothingWhereColoursAreOff) {
  const Style style(false);
  EXPECT_EQ(std::string(style.bold) + std::string(style.reset) + style.Shade(1), "");
}

TEST(Style, ShadesGrowWithTheShare) {
  const Style style(true);
  EXPECT_EQ(style.Shade(0), "");
  EXPECT_EQ(style.Shade(-1), "");
  EXPECT_NE(style.Shade(0.5), style.Shade(1));
  EXPECT_EQ(style.Shade(7), style.Shade(1));
}

}  // namespace
}  // namespace fovea::tools
