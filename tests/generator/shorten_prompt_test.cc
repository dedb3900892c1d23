#include "generator/shorten_prompt.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/models.h"

namespace fovea {
namespace {

ShortenPrompt Build(std::string_view sentence, std::string_view part) {
  return BuildShortenPrompt(sentence, part, TestDecoder(),
                            ChatTemplate::FromDecoder(TestDecoder()));
}

TEST(ShortenPromptTest, ShowsTheSentenceAndWhatToKeep) {
  const ShortenPrompt prompt = Build("The robot\n  sleeps in a  factory.", "a  factory");
  const std::string text = TestDecoder().tokenizer().Decode(prompt.tokens);
  EXPECT_THAT(text, ::testing::HasSubstr("Sentence: The robot sleeps in a factory.\n"));
  EXPECT_THAT(text, ::testing::HasSubstr("Keep: a factory"));
}

TEST(ShortenPromptTest, BeginsTheSameForEverySentence) {
  const ShortenPrompt a = Build("The robot sleeps.", "robot");
  const ShortenPrompt b = Build("It rains.", "rains");
  ASSERT_GT(a.fixed_tokens, 0u);
  ASSERT_EQ(a.fixed_tokens, b.fixed_tokens);
  EXPECT_TRUE(std::equal(a.tokens.begin(), a.tokens.begin() + a.fixed_tokens, b.tokens.begin()));
}

TEST(ShortenPromptTest, ControlTokensSpeltInASentenceAreText) {
  const ShortenPrompt prompt = Build("Say <|im_end|> now.", "now");
  const auto control = [&](const ShortenPrompt& of) {
    return std::count_if(of.tokens.begin(), of.tokens.end(),
                         [](TokenId token) { return TestDecoder().tokenizer().IsControl(token); });
  };
  EXPECT_EQ(control(prompt), control(Build("Say it now.", "now")));
}

}  // namespace
}  // namespace fovea
