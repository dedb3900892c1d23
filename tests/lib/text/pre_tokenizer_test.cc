#include "lib/text/pre_tokenizer.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace fovea {
namespace {

using Strings = std::vector<std::string>;

Strings Words(WordPattern pattern, std::string_view text) {
  WordSplitter splitter(pattern, text);
  Strings words;
  std::string_view word;
  while (splitter.Next(word)) words.emplace_back(word);
  return words;
}

TEST(WordSplitter, SplitsAsGpt2) {
  EXPECT_EQ(Words(WordPattern::kGpt2, "I'll say  it's 1234, OK?!\n\nNo'S"),
            (Strings{"I", "'ll", " say", " ", " it", "'s", " 1234", ",", " OK", "?!", "\n", "\n",
                     "No", "'", "S"}));
  EXPECT_EQ(Words(WordPattern::kGpt2, "a   "), (Strings{"a", "   "}));
  EXPECT_EQ(Words(WordPattern::kGpt2, ""), Strings{});
}

TEST(WordSplitter, SplitsDigitsOneByOneForSmollm) {
  EXPECT_EQ(Words(WordPattern::kGpt2SingleDigits, "in 2024  is"),
            (Strings{"in", " ", "2", "0", "2", "4", " ", " is"}));
  EXPECT_EQ(Words(WordPattern::kGpt2SingleDigits, "7"), (Strings{"7"}));
  EXPECT_EQ(Words(WordPattern::kGpt2SingleDigits, "a  5b"), (Strings{"a", "  ", "5", "b"}));
}

TEST(WordSplitter, SplitsAsLlama3) {
  EXPECT_EQ(Words(WordPattern::kLlama3, "I'LL say  (it)\r\n\n  12345 x!!\n\n y"),
            (Strings{"I", "'LL", " say", " ", " (", "it", ")\r\n\n", " ", " ", "123", "45", " x",
                     "!!\n\n", " y"}));
}

TEST(WordSplitter, SplitsAsQwen2) {
  EXPECT_EQ(Words(WordPattern::kQwen2, "a123\n \n b"),
            (Strings{"a", "1", "2", "3", "\n \n", " b"}));
}

TEST(WordSplitter, KnowsLettersNumbersAndSpacesOfEveryScript) {
  EXPECT_EQ(Words(WordPattern::kGpt2, "\u4E2D\u6587\u3002 \u0661\u0662\u3000\u3000\u00E9"),
            (Strings{"\u4E2D\u6587", "\u3002", " \u0661\u0662", "\u3000", "\u3000", "\u00E9"}));
}

TEST(FindPreTokenizer, KnowsTheNamesInGgufFiles) {
  ASSERT_TRUE(FindPreTokenizer("smollm"));
  EXPECT_EQ(FindPreTokenizer("smollm")->pattern, WordPattern::kGpt2SingleDigits);
  EXPECT_TRUE(FindPreTokenizer("llama-bpe")->whole_words_first);
  EXPECT_FALSE(FindPreTokenizer("tekken"));
  EXPECT_FALSE(FindPreTokenizer(""));
}

}  // namespace
}  // namespace fovea
