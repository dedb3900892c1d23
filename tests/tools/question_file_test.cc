#include "tools/question_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/expect_error.h"
#include "tests/support/temp_folder.h"

namespace fovea::tools {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(QuestionFile, JsonLinesAreReadAsTrainingDataAre) {
  const TempFolder folder;
  const auto file =
      folder.Write("q.jsonl",
                   "{\"id\":\"a\",\"title\":\"Lamp\",\"context\":\"Öl burns. Öl "
                   "smells.\",\"question\":\"What burns?\","
                   "\"answers\":[{\"text\":\"Öl\",\"start\":0},{\"text\":\"Öl\",\"start\":10}]}\n"
                   "{\"title\":\"Lamp\",\"context\":\"Ada lit it.\",\"question\":\"Who lit it?\","
                   "\"answers\":[{\"text\":\"Ada\",\"start\":0}]}\n"
                   "{\"title\":\"Lamp\",\"context\":\"Öl burns. Öl "
                   "smells.\",\"question\":\"Who?\",\"answers\":[],"
                   "\"answerable\":false}\n");
  const SquadFile got = ReadQuestionFile(file);
  EXPECT_TRUE(got.version_2);
  ASSERT_EQ(got.paragraphs.size(), 2u);
  EXPECT_EQ(got.paragraphs[1].name, "Lamp#1");
  EXPECT_EQ(got.paragraphs[1].text, "Ada lit it.");
  ASSERT_EQ(got.questions.size(), 3u);
  EXPECT_EQ(got.questions[0].id, "a");
  EXPECT_THAT(got.questions[0].answers, ElementsAre("Öl", "Öl"));
  EXPECT_EQ(got.questions[1].id, "2");
  EXPECT_EQ(got.questions[1].paragraph, 1u);
  EXPECT_THAT(got.questions[2].answers, IsEmpty());
  EXPECT_EQ(got.questions[2].paragraph, 0u);
}

TEST(QuestionFile, AnyOtherNameIsSquadsJson) {
  const TempFolder folder;
  const auto file =
      folder.Write("q.json", R"({"version": "1.1", "data": [{"title": "T", "paragraphs": [
    {"context": "Ada lit it.", "qas": [{"id": "x", "question": "Who?", "answers": [{"text": "Ada"}]}]}]}]})");
  EXPECT_EQ(ReadQuestionFile(file).questions.at(0).id, "x");
  EXPECT_ERROR(ReadQuestionFile(folder.Write("b.jsonl", "{\"question\":1}\n")),
               ErrorCode::kInvalidArgument, "b.jsonl:1");
}

}  // namespace
}  // namespace fovea::tools
