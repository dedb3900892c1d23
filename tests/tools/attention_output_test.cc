#include "tools/attention_output.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fovea::tools {
namespace {

using testing::HasSubstr;
using testing::Not;

Answer Example(bool tokens) {
  Answer answer;
  answer.confidence = 0.75;
  AnswerPassage& passage = answer.passages.emplace_back();
  passage.passage.document = "a.txt";
  passage.passage.text = "One two.  Three\nfour.";
  passage.passage.range = {100, 121};
  passage.weight = 0.5;
  passage.sentences = {{{0, 8}, 0.4f}, {{10, 21}, 0.1f}};
  if (tokens) {
    passage.tokens = {{{0, 3}, 0, 0, 0.01f}, {{4, 7}, 0, 0, 0.08f},   {{7, 8}, 0, 0, 0.02f},
                      {{10, 15}, 0, 0, 0},   {{16, 20}, 0, 0, 0.04f}, {{20, 21}, 0, 0, 0}};
  }
  return answer;
}

TEST(AttentionText, DrawsABarAPassageAndTheWeightsOfItsSentences) {
  EXPECT_EQ(AttentionText(Example(true), Style(false), 80),
            "##########.......... 0.500  a.txt:100-121\n"
            " 0.400  One two.\n"
            " 0.100  Three four.\n"
            "none of these: 0.250\n");
}

TEST(AttentionText, ShadesEachWordByItsWarmestToken) {
  const Style style(true);
  const std::string text = AttentionText(Example(true), style, 80);
  const std::string reset(style.reset);
  EXPECT_THAT(text, HasSubstr(style.Shade(1) + "two." + reset));
  EXPECT_THAT(text, HasSubstr(style.Shade(0.5) + "four." + reset));
  EXPECT_THAT(text, HasSubstr(style.Shade(0.125) + "One" + reset));
  EXPECT_THAT(text, HasSubstr("  Three "));  // Cold: no shade.
}

TEST(AttentionText, WithoutWordWeightsTheSentencesAreShaded) {
  const Style style(true);
  const std::string text = AttentionText(Example(false), style, 80);
  EXPECT_THAT(text, HasSubstr(style.Shade(1) + "One"));
  EXPECT_THAT(text, HasSubstr(style.Shade(0.25) + "four."));
}

TEST(AttentionText, WrapsWordsAtTheWidth) {
  EXPECT_THAT(AttentionText(Example(true), Style(false), 20), HasSubstr(" 0.100  Three four.\n"));
  EXPECT_THAT(AttentionText(Example(true), Style(false), 16),
              HasSubstr(" 0.100  Three\n        four.\n"));
}

TEST(AttentionText, ADocumentSendsNoEscapeSequences) {
  Answer answer = Example(true);
  answer.passages[0].passage.text = "One t\033o.  Three\nfour.";
  EXPECT_THAT(AttentionText(answer, Style(false), 80), Not(HasSubstr("\033")));
}

}  // namespace
}  // namespace fovea::tools
