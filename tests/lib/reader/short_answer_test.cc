#include "lib/reader/short_answer.h"

#include <gtest/gtest.h>

#include <string>

namespace fovea {
namespace {

std::string Find(std::string_view question, std::string_view sentence) {
  const auto range = FindAnswer(sentence, KindOfAnswer(question), question);
  return range ? std::string(Slice(sentence, *range)) : "(none)";
}

TEST(ShortAnswerTest, QuestionWordsTellTheKind) {
  EXPECT_EQ(KindOfAnswer("When was it built?"), AnswerKind::kDate);
  EXPECT_EQ(KindOfAnswer("In what year did it open?"), AnswerKind::kDate);
  EXPECT_EQ(KindOfAnswer("How many people live there?"), AnswerKind::kNumber);
  EXPECT_EQ(KindOfAnswer("What percentage voted?"), AnswerKind::kNumber);
  EXPECT_EQ(KindOfAnswer("Who wrote it?"), AnswerKind::kName);
  EXPECT_EQ(KindOfAnswer("Where is it?"), AnswerKind::kName);
  EXPECT_EQ(KindOfAnswer("How is it done?"), AnswerKind::kSentence);
  EXPECT_EQ(KindOfAnswer("What happens when it rains?"), AnswerKind::kSentence);
  EXPECT_EQ(KindOfAnswer(""), AnswerKind::kSentence);
}

TEST(ShortAnswerTest, DatesTakeInDayAndMonth) {
  EXPECT_EQ(Find("When did it open?", "The bridge opened on 4 March 1789 to traffic."),
            "4 March 1789");
  EXPECT_EQ(Find("When did it open?", "On March 4, 1789, the bridge opened."), "March 4, 1789");
  EXPECT_EQ(Find("When did it open?", "It opened in 1789."), "1789");
  EXPECT_EQ(Find("When did it open?", "It opened long ago."), "(none)");
}

TEST(ShortAnswerTest, ADateOfTheQuestionIsNotTheAnswer) {
  EXPECT_EQ(
      Find("When was what began in 1789 finished?", "Begun in 1789, it was finished in 1801."),
      "1801");
}

TEST(ShortAnswerTest, NumbersTakeInScaleAndUnit) {
  EXPECT_EQ(Find("How high is it?", "It rises 4,401 metres above the sea."), "4,401 metres");
  EXPECT_EQ(Find("How much did it cost?", "In 1998 it cost $4.2 million to build."),
            "$4.2 million");
  EXPECT_EQ(Find("What percentage voted?", "Some 42% of them voted."), "42%");
  EXPECT_EQ(Find("How many are elected?", "Each state elects twelve senators."), "twelve senators");
}

TEST(ShortAnswerTest, NamesAreRunsOfCapitalisedWords) {
  EXPECT_EQ(Find("Who built the press?", "The press was built by Johannes Gutenberg in Mainz."),
            "Johannes Gutenberg");
  EXPECT_EQ(Find("Who led it?", "It was led by the Duke of Alba."), "Duke of Alba");
  EXPECT_EQ(Find("Who led it?", "Nobody led it."), "(none)");
}

TEST(ShortAnswerTest, ANameOfTheQuestionIsNotTheAnswer) {
  EXPECT_EQ(Find("Who succeeded Anna Roe?", "After Anna Roe came Ben Poe."), "Ben Poe");
}

TEST(ShortAnswerTest, AnyBytesAreSearched) {
  EXPECT_EQ(Find("Who?", ""), "(none)");
  EXPECT_EQ(Find("How many?", ",.-'$%"), "(none)");
  EXPECT_EQ(Find("How many?", "%5"), "5");
  EXPECT_EQ(Find("When?", "1999"), "1999");
  EXPECT_EQ(Find("Who?", std::string("\xFF\xFE A \0 B", 8)).empty(), false);
}

}  // namespace
}  // namespace fovea
