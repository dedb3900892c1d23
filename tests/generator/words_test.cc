#include "generator/words.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fovea {
namespace {

using ::testing::ElementsAre;

TEST(WordsTest, WordsAreSplitAtSpacesAndPunctuation) {
  EXPECT_THAT(SplitWords("The “Nutmeg State”—Connecticut, since 1959…"),
              ElementsAre("The", "Nutmeg", "State", "Connecticut", "since", "1959"));
  EXPECT_THAT(SplitWords("1894–1900 page_size it's"),
              ElementsAre("1894", "1900", "page_size", "it", "s"));
  EXPECT_THAT(SplitWords("Ærøskøbing 東京, «café»"), ElementsAre("Ærøskøbing", "東京", "café"));
  EXPECT_THAT(SplitWords(" . ,"), ElementsAre());
  EXPECT_THAT(SplitWords(""), ElementsAre());
}

TEST(WordsTest, NumbersKeepTheirPointAndLoseTheirCommas) {
  EXPECT_THAT(SplitWords("4,401.5 and 1, 2."), ElementsAre("4401.5", "and", "1", "2"));
}

TEST(WordsTest, BytesThatAreNoUtf8AreReadOneByOne) {
  EXPECT_EQ(SplitWords("a\xE2\x80").size(), 1u);
  EXPECT_EQ(CharacterAt("\xFF", 0).bytes, 1u);
}

TEST(WordsTest, AStemIsFiveLettersOrAWholeNumberOrNameOfCode) {
  EXPECT_EQ(StemOf("elevation"), "eleva");
  EXPECT_EQ(StemOf("won"), "won");
  EXPECT_EQ(StemOf("1234567"), "1234567");
  EXPECT_EQ(StemOf("journal_mode"), "journal_mode");
  EXPECT_EQ(StemOf("getElementById"), "getelementbyid");
  EXPECT_TRUE(HoldsDigit("2nd"));
  EXPECT_FALSE(HoldsDigit("second"));
}

TEST(WordsTest, AnInnerCapitalStandsBehindASmallLetter) {
  EXPECT_TRUE(HoldsInnerCapital("getElementById"));
  EXPECT_TRUE(HoldsInnerCapital("iPhone"));
  for (const char* word : {"Element", "NASA", "PRAGMAs", "ÉtÉ", "a", ""})
    EXPECT_FALSE(HoldsInnerCapital(word)) << word;
}

TEST(WordsTest, FunctionWordsAreKnown) {
  EXPECT_TRUE(IsFunctionWord("the"));
  EXPECT_FALSE(IsFunctionWord("bridge"));
  for (const std::string_view word : FunctionWords()) EXPECT_TRUE(IsFunctionWord(word)) << word;
}

TEST(WordsTest, WordsKnowWhatPartsThem) {
  std::vector<std::string> words;
  std::vector<unsigned> marks;
  for (const PlacedWord& placed :
       PlaceWords("(The pre- and post-war) robot, 4,401 m; here—there: 1 – 2")) {
    words.push_back(placed.word);
    marks.push_back(placed.marks_before);
  }
  EXPECT_THAT(words, ElementsAre("The", "pre", "and", "post", "war", "robot", "4401", "m", "here",
                                 "there", "1", "2"));
  EXPECT_THAT(marks, ElementsAre(kOpenBracket, kNoMark, kNoMark, kNoMark, kNoMark, kCloseBracket,
                                 kComma, kNoMark, kClauseEnd, kDash, kClauseEnd, kDash));
}

TEST(WordsTest, WordsKnowTheMarkThatBelongsToThem) {
  std::vector<std::string> marked;
  for (const PlacedWord& placed : PlaceWords(".import --csv (-1), \":memory:\" -o x; well-known, "
                                             "3.5 a.b ...and end. Next: -- - 1:2")) {
    if (!placed.own_mark.empty()) marked.push_back(placed.own_mark + placed.word);
  }
  EXPECT_THAT(marked, ElementsAre(".import", "--csv", "-1", ":memory", "-o"));
}

TEST(WordsTest, MarksEncloseThatBelongTogether) {
  EXPECT_TRUE(Encloses(kComma, kComma));
  EXPECT_TRUE(Encloses(kOpenBracket, kCloseBracket | kComma));
  EXPECT_TRUE(Encloses(kDash, kDash));
  EXPECT_FALSE(Encloses(kComma, kDash));
  EXPECT_FALSE(Encloses(kCloseBracket, kOpenBracket));
  EXPECT_FALSE(Encloses(kClauseEnd, kComma));
  EXPECT_FALSE(Encloses(kComma | kClauseEnd, kComma));
  EXPECT_FALSE(Encloses(kNoMark, kNoMark));
}

TEST(WordsTest, LightWordsAndNegations) {
  for (const char* word : {"the", "also", "however"}) EXPECT_TRUE(IsLightWord(word)) << word;
  for (const char* word : {"not", "robot"}) EXPECT_FALSE(IsLightWord(word)) << word;
  for (const char* word : {"not", "nobody", "don't", "can’t"}) EXPECT_TRUE(IsNegation(word));
  for (const char* word : {"note", "want"}) EXPECT_FALSE(IsNegation(word)) << word;
}

}  // namespace
}  // namespace fovea
