#include "tools/squad.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "lib/base/file.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_folder.h"

namespace fovea::tools {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(SquadScores, EqualThoseOfTheDefinitionInPython) {
  const auto cases =
      nlohmann::json::parse(ReadFile(FOVEA_SOURCE_DIR "/tests/golden/squad_scores.json"));
  ASSERT_GE(cases.size(), 30u);
  for (const auto& c : cases) {
    const std::string prediction = c["prediction"];
    const std::vector<std::string> answers = c["answers"];
    SCOPED_TRACE(prediction);
    EXPECT_EQ(NormalizeAnswer(prediction), c["normalized"].get<std::string>());
    EXPECT_EQ(ExactMatch(prediction, answers), c["exact"].get<double>());
    EXPECT_NEAR(F1(prediction, answers), c["f1"].get<double>(), 1e-12);
  }
}

TEST(SquadScores, F1ByHand) {
  // Common words: cat, cat. Precision 2/4, recall 2/3.
  EXPECT_NEAR(F1("cat cat cat dog", std::vector<std::string>{"cat cat bird"}),
              2 * 0.5 * (2.0 / 3) / (0.5 + 2.0 / 3), 1e-12);
}

TEST(ContainsAnswer, FindsWholeWordsOfANormalisedAnswerInARow) {
  EXPECT_TRUE(ContainsAnswer("It was signed on the 4th of July, 1776.",
                             std::vector<std::string>{"July 1776"}));
  EXPECT_FALSE(ContainsAnswer("It has 15 rooms.", std::vector<std::string>{"5"}));
  EXPECT_FALSE(ContainsAnswer("July in 1776", std::vector<std::string>{"July 1776"}));
  EXPECT_TRUE(ContainsAnswer("five", std::vector<std::string>{"six", "Five!"}));
  EXPECT_FALSE(ContainsAnswer("the", std::vector<std::string>{"a", ""}));
  EXPECT_FALSE(ContainsAnswer("anything", {}));
}

TEST(CountWords, SeparatesAtWhiteSpace) {
  EXPECT_EQ(CountWords(""), 0u);
  EXPECT_EQ(CountWords("  one two\n three "), 3u);
  EXPECT_EQ(CountWords("a\u00a0b"), 2u);
}

TEST(ReplyContains, OnlyInAReplyOfFortyWords) {
  const std::vector<std::string> gold = {"whale oil"};
  std::string reply = "whale oil";
  for (int i = 0; i < 38; ++i) reply += " word";
  EXPECT_TRUE(ReplyContains(reply, gold));
  EXPECT_FALSE(ReplyContains(reply + " word", gold));
  EXPECT_FALSE(ReplyContains("whale", gold));
}

constexpr const char* kVersion2 = R"({"version": "v2.0", "data": [
  {"title": "T", "paragraphs": [
    {"context": "First.", "qas": [
      {"id": "1", "question": "Q1?", "answers": [{"text": "First", "answer_start": 0}], "is_impossible": false},
      {"id": "2", "question": "Q2?", "answers": [], "plausible_answers": [{"text": "x"}], "is_impossible": true}]},
    {"context": "Second.", "qas": [{"id": "3", "question": "Q3?", "answers": [{"text": "Second"}, {"text": "2nd"}]}]}]},
  {"title": "T", "paragraphs": [{"context": "Third.", "qas": []}]}]})";

TEST(ReadSquad, NamesParagraphsAndKeepsUnanswerableQuestions) {
  const TempFolder folder;
  const SquadFile squad = ReadSquad(folder.Write("f.json", kVersion2));
  EXPECT_TRUE(squad.version_2);
  ASSERT_EQ(squad.paragraphs.size(), 3u);
  EXPECT_EQ(squad.paragraphs[0].name, "T#0");
  EXPECT_EQ(squad.paragraphs[2].name, "T#2") << "names stay unique where a title comes twice";
  ASSERT_EQ(squad.questions.size(), 3u);
  EXPECT_THAT(squad.questions[1].answers, IsEmpty());
  EXPECT_THAT(squad.questions[2].answers, ElementsAre("Second", "2nd"));
  EXPECT_EQ(squad.questions[2].paragraph, 1u);
}

TEST(ReadSquad, TellsTheVersionsApart) {
  const TempFolder folder;
  EXPECT_FALSE(ReadSquad(folder.Write("a", R"({"version": "1.1", "data": []})")).version_2);
  EXPECT_FALSE(ReadSquad(folder.Write("b", R"({"data": []})")).version_2);
  EXPECT_TRUE(ReadSquad(folder.Write("c", R"({"version": "2.0", "data": []})")).version_2);
}

TEST(ReadSquad, SaysWhatIsWrong) {
  const TempFolder folder;
  EXPECT_ERROR(ReadSquad(folder.path() / "none.json"), ErrorCode::kNotFound, "none.json");
  EXPECT_ERROR(ReadSquad(folder.Write("a.json", "{")), ErrorCode::kInvalidArgument,
               "a.json: not a SQuAD file");
  EXPECT_ERROR(ReadSquad(folder.Write("b.json", "{}")), ErrorCode::kInvalidArgument, "data");
  EXPECT_ERROR(ReadSquad(folder.Write("c.json", R"({"data":[{"paragraphs":[{"qas":[]}]}]})")),
               ErrorCode::kInvalidArgument, "context");
}

}  // namespace
}  // namespace fovea::tools
