#include "lib/text/bert_words.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace fovea {
namespace {

struct Word {
  std::string text;
  std::size_t characters;
  ByteRange source;
  friend bool operator==(const Word&, const Word&) = default;
};

std::vector<Word> Words(std::string_view text, const BertNormalizer& normalizer = {},
                        std::size_t offset = 0) {
  BertWordScanner scanner(normalizer, text, offset);
  std::vector<Word> words;
  BertWord word;
  while (scanner.Next(word))
    words.push_back({std::string(word.text), word.characters, word.Source(0, word.text.size())});
  return words;
}

TEST(BertWords, AreCutAtSpacesAndPunctuation) {
  EXPECT_EQ(Words("Ab, c\td.e"), (std::vector<Word>{{"ab", 2, {0, 2}},
                                                    {",", 1, {2, 3}},
                                                    {"c", 1, {4, 5}},
                                                    {"d", 1, {6, 7}},
                                                    {".", 1, {7, 8}},
                                                    {"e", 1, {8, 9}}}));
  EXPECT_TRUE(Words(" \n\t ").empty());
  EXPECT_TRUE(Words("").empty());
}

TEST(BertWords, LoseControlCharactersInsideAndOutside) {
  EXPECT_EQ(Words(std::string_view("a\0b\x01", 4)), (std::vector<Word>{{"ab", 2, {0, 3}}}));
  EXPECT_EQ(Words("a\u200Bb"), (std::vector<Word>{{"ab", 2, {0, 5}}}));
  EXPECT_EQ(Words("\xFFz"), (std::vector<Word>{{"z", 1, {1, 2}}}));
}

TEST(BertWords, LoseAccentsAndCapitals) {
  EXPECT_EQ(Words("\u00C9a E\u0301b"), (std::vector<Word>{{"ea", 2, {0, 3}}, {"eb", 2, {4, 8}}}));
  BertNormalizer keep;
  keep.lowercase = false;
  keep.strip_accents = false;
  EXPECT_EQ(Words("\u00C9a", keep), (std::vector<Word>{{"\u00C9a", 2, {0, 3}}}));
}

TEST(BertWords, AreSingleIdeographs) {
  EXPECT_EQ(Words("a\u4E2D\u6587"),
            (std::vector<Word>{{"a", 1, {0, 1}}, {"\u4E2D", 1, {1, 4}}, {"\u6587", 1, {4, 7}}}));
  BertNormalizer together;
  together.handle_chinese_chars = false;
  EXPECT_EQ(Words("a\u4E2D\u6587", together), (std::vector<Word>{{"a\u4E2D\u6587", 3, {0, 7}}}));
}

TEST(BertWords, AreInCanonicalOrder) {
  // Classes 224 and 216; both stand for the whole run.
  const std::vector<Word> words = Words("a\u302E\U0001D165");
  ASSERT_EQ(words.size(), 1u);
  EXPECT_EQ(words[0].text, "a\U0001D165\u302E");
  EXPECT_EQ(words[0].source, (ByteRange{0, 8}));
}

TEST(BertWords, DecomposeHangul) {
  EXPECT_EQ(Words("\uAC00\uAC01")[0].text, "\u1100\u1161\u1100\u1161\u11A8");
}

TEST(BertWords, CountBytesFromTheOffset) {
  EXPECT_EQ(Words("x \u00E9", {}, 100),
            (std::vector<Word>{{"x", 1, {100, 101}}, {"e", 1, {102, 104}}}));
}

}  // namespace
}  // namespace fovea
