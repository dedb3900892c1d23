#include "generator/utf8_stream.h"

#include <gtest/gtest.h>

#include <string>

namespace fovea {
namespace {

TEST(Utf8StreamTest, CharactersComeOutWhenTheyAreComplete) {
  Utf8Stream stream;
  EXPECT_EQ(stream.Append("a\xF0\x9F"), "a");
  EXPECT_EQ(stream.Append("\xA6"), "");
  EXPECT_EQ(stream.Append("\x8A!"), "🦊!");
  EXPECT_EQ(stream.Finish(), "");
}

TEST(Utf8StreamTest, MalformedBytesBecomeReplacementCharacters) {
  Utf8Stream stream;
  EXPECT_EQ(stream.Append("x\x80y\xFFz"), "x\uFFFDy\uFFFDz");
}

TEST(Utf8StreamTest, ABrokenCharacterIsReplacedAsSoonAsItCannotBeCompleted) {
  Utf8Stream stream;
  EXPECT_EQ(stream.Append("\xE6\x97"), "");
  EXPECT_EQ(stream.Append("Q"), "\uFFFDQ");
}

TEST(Utf8StreamTest, TheEndReplacesWhatWasNeverCompleted) {
  Utf8Stream stream;
  EXPECT_EQ(stream.Append("ok\xE6\x97"), "ok");
  EXPECT_EQ(stream.Finish(), "\uFFFD");
  EXPECT_EQ(stream.Finish(), "");
}

TEST(Utf8StreamTest, TheTextDoesNotDependOnWhereTheBytesAreCut) {
  const std::string text = "naïve 日本語 🦊 end";
  for (std::size_t step = 1; step <= text.size(); ++step) {
    Utf8Stream stream;
    std::string joined;
    for (std::size_t at = 0; at < text.size(); at += step)
      joined += stream.Append(text.substr(at, step));
    EXPECT_EQ(joined + stream.Finish(), text) << "step " << step;
  }
}

}  // namespace
}  // namespace fovea
