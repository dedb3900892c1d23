#include "generator/prompt_lookup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>

namespace fovea {
namespace {

constexpr std::size_t kAny = 100;

// A token a letter.
std::string Draft(const std::string& history, std::size_t most = kAny) {
  std::vector<TokenId> tokens;
  for (const char letter : history) tokens.push_back(TokenId{letter});
  std::string draft;
  for (const TokenId token : DraftFrom(tokens, most)) draft += static_cast<char>(Value(token));
  return draft;
}

TEST(PromptLookup, CopiesAsManyTokensAsMatched) {
  EXPECT_EQ(Draft("abcdefgh.xc"), "d");
  EXPECT_EQ(Draft("abcdefgh.xbc"), "de");
  EXPECT_EQ(Draft("abcdefgh.abc"), "def");
  EXPECT_EQ(Draft("zabcdefgh.zabc"), "def");
}

TEST(PromptLookup, ALongerMatchComesBeforeALaterOne) {
  EXPECT_EQ(Draft("abcdef.bcx.abc"), "def");
  EXPECT_EQ(Draft("abcd.xc1.bc"), "d.");
}

TEST(PromptLookup, TheLastOccurrenceCounts) {
  EXPECT_EQ(Draft("a1a2a"), "2");
  EXPECT_EQ(Draft("abc1 abc2 abc"), "2 a");
}

TEST(PromptLookup, ALoopGoesOnPastTheEnd) {
  EXPECT_EQ(Draft("xaa"), "a");
  EXPECT_EQ(Draft("xaaaa"), "aaa");
  EXPECT_EQ(Draft("xababa"), "bab");
}

TEST(PromptLookup, NothingFollowsANewToken) {
  EXPECT_EQ(Draft(""), "");
  EXPECT_EQ(Draft("a"), "");
  EXPECT_EQ(Draft("abcd"), "");
}

TEST(PromptLookup, TheLimitCutsTheDraft) {
  EXPECT_EQ(Draft("abcdefgh.abc", 2), "de");
  EXPECT_EQ(Draft("abcdefgh.abc", 0), "");
}

// Against the definition, written down without haste.
TEST(PromptLookup, IsTheLongestLatestMatchOfRandomTexts) {
  std::mt19937 random(1);
  for (int round = 0; round < 2000; ++round) {
    std::string text(1 + random() % 24, ' ');
    for (char& letter : text) letter = static_cast<char>('a' + random() % 3);
    std::string expected;
    for (std::size_t length = 3; length > 0 && expected.empty(); --length) {
      for (std::size_t end = text.size() - 1; end >= length && expected.empty(); --end) {
        if (text.size() < length ||
            text.substr(end - length, length) != text.substr(text.size() - length))
          continue;
        std::string longer = text;
        for (std::size_t i = 0; i < length; ++i) longer += longer[end + i];
        expected = longer.substr(text.size());
      }
    }
    EXPECT_EQ(Draft(text), expected) << text;
  }
}

}  // namespace
}  // namespace fovea
