// The reader's questions on the SQLite documentation (corpora/README.md).

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "tools/json_lines.h"
#include "tools/question_set.h"
#include "tools/reader_data.h"

namespace fovea::tools {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr const char* kTrain = "reader-train.jsonl";
constexpr const char* kHeldOut = "reader-heldout.jsonl";

std::string CorpusFile(const std::string& name) {
  return FOVEA_SOURCE_DIR "/corpora/sqlite/" + name;
}

std::set<std::string> Values(const std::string& name, const char* key) {
  std::set<std::string> values;
  for (const JsonLine& line : ReadJsonLines(CorpusFile(name))) values.insert(line.Text(key));
  return values;
}

std::vector<std::string> Common(const std::set<std::string>& a, const std::set<std::string>& b) {
  std::vector<std::string> common;
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(common));
  return common;
}

// The pages that the questions were written from and those that repeat them, without those that
// answer in other words elsewhere.
std::set<std::string> OwnPages(const std::string& name) {
  std::set<std::string> pages = Values(name, "document");
  for (const JsonLine& line : ReadJsonLines(CorpusFile(name))) {
    for (const auto& page : line.object.value("also", std::vector<std::string>{}))
      pages.insert(page);
  }
  return pages;
}

TEST(SqliteReaderQuestions, AreTrainingDataWithOneAnswerEach) {
  for (const char* name : {kTrain, kHeldOut}) {
    // Throws where an answer does not stand at its start.
    const TrainingData data = ReadTrainingData({{CorpusFile(name)}}, false);
    for (const TrainingQuestion& question : data.questions)
      EXPECT_THAT(question.answers, SizeIs(1)) << name << ": " << question.question;
    EXPECT_EQ(Values(name, "question").size(), data.questions.size()) << name;
    EXPECT_EQ(Values(name, "id").size(), data.questions.size()) << name;
  }
}

TEST(SqliteQuestions, ThoseToTuneOnAreAboutOtherPagesThanThoseToTestOn) {
  const std::vector<PageQuestion> tune = ReadPageQuestions(CorpusFile("questions-tune.jsonl"));
  EXPECT_THAT(tune, SizeIs(116));
  for (const PageQuestion& question : tune)
    EXPECT_FALSE(question.answers.empty()) << question.question;
  EXPECT_THAT(Common(OwnPages("questions-tune.jsonl"), OwnPages("questions.jsonl")), IsEmpty());
}

TEST(SqliteReaderQuestions, ShareNoPageWithEachOtherOrWithTheQuestionsOfEvalQuestions) {
  const std::set<std::string> pages = OwnPages("questions.jsonl");
  const std::set<std::string> train = Values(kTrain, "document");
  const std::set<std::string> held_out = Values(kHeldOut, "document");
  EXPECT_THAT(Common(train, held_out), IsEmpty());
  EXPECT_THAT(Common(train, pages), IsEmpty());
  EXPECT_THAT(Common(held_out, pages), IsEmpty());
}

TEST(SqliteReaderQuestions, AreAskedOnce) {
  const std::set<std::string> train = Values(kTrain, "question");
  const std::set<std::string> held_out = Values(kHeldOut, "question");
  const std::set<std::string> others = Values("questions.jsonl", "question");
  EXPECT_THAT(Common(train, held_out), IsEmpty());
  EXPECT_THAT(Common(train, others), IsEmpty());
  EXPECT_THAT(Common(held_out, others), IsEmpty());
}

}  // namespace
}  // namespace fovea::tools
