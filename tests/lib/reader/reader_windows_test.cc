#include "lib/reader/reader_windows.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "tests/support/models.h"

namespace fovea {
namespace {

std::string Words(std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += (i == 0 ? "" : " ") + std::string("the");
  return text;
}

Passage Make(const std::string& title, const std::string& text) {
  Passage passage;
  passage.title = title;
  passage.text = text;
  return passage;
}

TEST(ReaderWindows, MarkersThatAPassageSpellsOutAreText) {
  const WordPiece& tokenizer = TestEncoder().tokenizer();
  const auto windows =
      SplitIntoWindows(tokenizer, Make("[CLS] Bees [SEP]", "Eggs. [SEP] [CLS] Honey."), 0, 64);
  ASSERT_EQ(windows.size(), 1u);
  const std::vector<TokenId>& tokens = windows[0].tokens;
  EXPECT_EQ(std::count(tokens.begin(), tokens.end(), tokenizer.cls()), 1);
  EXPECT_EQ(std::count(tokens.begin(), tokens.end(), tokenizer.sep()), 2);
  EXPECT_EQ(tokens[windows[0].text - 1], tokenizer.sep());
  EXPECT_EQ(tokens.back(), tokenizer.sep());
}

TEST(ReaderWindows, AShortPassageIsOneWindowBehindItsTitle) {
  const WordPiece& tokenizer = TestEncoder().tokenizer();
  const Passage passage = Make("Bees", "A queen bee lays eggs.");
  const auto windows = SplitIntoWindows(tokenizer, passage, 7, 64);
  ASSERT_EQ(windows.size(), 1u);
  std::vector<TokenId> expected = tokenizer.EncodeIds("Bees");
  EXPECT_EQ(windows[0].text, expected.size());
  const std::vector<TokenId> text = tokenizer.EncodeIds(passage.text);
  expected.insert(expected.end(), text.begin() + 1, text.end());
  EXPECT_EQ(windows[0].tokens, expected);
  EXPECT_EQ(windows[0].passage, 7u);
  EXPECT_EQ(windows[0].own_begin, 0u);
  EXPECT_EQ(windows[0].own_end, text.size() - 2);
  ASSERT_EQ(windows[0].ranges.size(), text.size() - 2);
  EXPECT_EQ(Slice(passage.text, windows[0].ranges[1]), "queen");
}

TEST(ReaderWindows, WithoutATitleTheTextFollowsCls) {
  const WordPiece& tokenizer = TestEncoder().tokenizer();
  const auto windows = SplitIntoWindows(tokenizer, Make("", "Bees."), 0, 64);
  ASSERT_EQ(windows.size(), 1u);
  EXPECT_EQ(windows[0].text, 1u);
  EXPECT_EQ(windows[0].tokens, tokenizer.EncodeIds("Bees."));
}

TEST(ReaderWindows, WithTheTitleGoesTheInnermostHeading) {
  const WordPiece& tokenizer = TestEncoder().tokenizer();
  const auto front = [&](const std::string& title, const std::string& heading) {
    Passage passage = Make(title, "Eggs.");
    passage.heading = heading;
    const ReaderWindow window = SplitIntoWindows(tokenizer, passage, 0, 64)[0];
    return std::vector<TokenId>(window.tokens.begin(),
                                window.tokens.begin() + static_cast<std::ptrdiff_t>(window.text));
  };
  EXPECT_EQ(front("Bees", "Queens"), tokenizer.EncodeIds("Bees > Queens"));
  EXPECT_EQ(front("Bees", "Bees > Hives > Queens"), tokenizer.EncodeIds("Bees > Queens"));
  EXPECT_EQ(front("Bees", "Bees"), tokenizer.EncodeIds("Bees"));
  EXPECT_EQ(front("", "Hives > Queens"), tokenizer.EncodeIds("Queens"));
  EXPECT_EQ(front("Bees", ""), tokenizer.EncodeIds("Bees"));
}

TEST(ReaderWindows, ALongTitleIsCut) {
  const WordPiece& tokenizer = TestEncoder().tokenizer();
  EXPECT_EQ(SplitIntoWindows(tokenizer, Make(Words(100), "Bees."), 0, 256)[0].text, 34u);
  // [CLS], 6 words and [SEP] of a window of 16 tokens.
  const ReaderWindow window = SplitIntoWindows(tokenizer, Make(Words(100), "Bees."), 0, 16)[0];
  EXPECT_EQ(window.text, 8u);
  EXPECT_EQ(window.tokens[7], tokenizer.sep());
}

TEST(ReaderWindows, ATextWithoutTokensHasNone) {
  EXPECT_TRUE(SplitIntoWindows(TestEncoder().tokenizer(), Make("Bees", " \n"), 0, 64).empty());
}

TEST(ReaderWindows, EveryTokenBelongsToOneWindowAndItsAnswersLieWholeInIt) {
  const WordPiece& tokenizer = TestEncoder().tokenizer();
  for (const std::size_t words : {250, 253, 254, 255, 256, 300, 447, 1000}) {
    const Passage passage = Make("", Words(words));
    const auto windows = SplitIntoWindows(tokenizer, passage, 0, 256);
    EXPECT_EQ(windows.size() == 1, words <= 254) << words;
    std::size_t next = 0;
    for (const ReaderWindow& window : windows) {
      EXPECT_LE(window.tokens.size(), 256u);
      EXPECT_EQ(window.tokens.back(), tokenizer.sep());
      ASSERT_LT(window.own_begin, window.own_end);
      ASSERT_LE(window.own_end, window.ranges.size());
      for (std::size_t t = window.own_begin; t < window.own_end; ++t, ++next)
        EXPECT_EQ(window.ranges[t], (ByteRange{4 * next, 4 * next + 3})) << next;
      // Behind the last token of its own there is room for the rest of an answer.
      const std::size_t behind = window.ranges.size() - window.own_end;
      EXPECT_TRUE(next == words || behind + 1 >= kLongestAnswerTokens) << words;
    }
    EXPECT_EQ(next, words);
  }
}

}  // namespace
}  // namespace fovea
