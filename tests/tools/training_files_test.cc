#include "tools/training_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "tests/support/temp_folder.h"
#include "tools/usage_error.h"

namespace fovea::tools {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class ParseFile : public testing::Test {
 protected:
  std::string Path(const std::string& name) const { return (folder_.path() / name).string(); }
  void ExpectFile(const std::string& text, const std::string& path, double share) const {
    const TrainingFile file = ParseTrainingFile(text);
    EXPECT_EQ(file.path, path);
    EXPECT_EQ(file.share, share);
  }
  TempFolder folder_;
};

TEST_F(ParseFile, AShareFollowsTheLastColon) {
  ExpectFile("a.jsonl", "a.jsonl", 1);
  ExpectFile("a.jsonl:0.3", "a.jsonl", 0.3);
  ExpectFile("a:b.jsonl:1", "a:b.jsonl", 1);
  ExpectFile("a:b.jsonl", "a:b.jsonl", 1);
}

TEST_F(ParseFile, AFileOfTheWholeNameIsThatFile) {
  folder_.Write("a:0.3", "");
  folder_.Write("a", "");
  ExpectFile(Path("a:0.3"), Path("a:0.3"), 1);
  ExpectFile(Path("a:0.3:0.5"), Path("a:0.3"), 0.5);
  ExpectFile(Path("a:0.4"), Path("a"), 0.4);
}

TEST_F(ParseFile, ABadShareIsWrongUsage) {
  folder_.Write("a", "");
  for (const char* share : {"0", "-0.1", "1.5", "nan", "inf", "0.3x", "", "30%"}) {
    EXPECT_THAT([&] { ParseTrainingFile(Path("a") + ":" + share); },
                ThrowsMessage<UsageError>(HasSubstr("\"" + std::string(share) + "\" is no share")));
  }
}

TEST_F(ParseFile, TheCardNamesFileAndShare) {
  EXPECT_EQ(NameAndShare({"/some/folder/a.jsonl", 1}), "a.jsonl");
  EXPECT_EQ(NameAndShare({"/some/folder/a.jsonl", 0.3}), "a.jsonl:0.3");
}

std::vector<std::size_t> Taken(const EpochQuestions& questions, std::uint64_t epoch) {
  std::vector<std::size_t> taken;
  for (std::size_t i = 0; i < questions.size(); ++i) taken.push_back(questions.Question(i, epoch));
  return taken;
}

TEST(EpochQuestions, AreAllOfThemInOrderWithoutShares) {
  const EpochQuestions questions({{0, 3, 1}, {3, 3, 1}, {3, 5, 1}}, 7);
  EXPECT_EQ(Taken(questions, 0), (std::vector<std::size_t>{0, 1, 2, 3, 4}));
  EXPECT_EQ(Taken(questions, 9), Taken(questions, 0));
  EXPECT_EQ(questions.Description(), "5 questions");
}

TEST(EpochQuestions, AreOfEachFileItsShareAndNoneTwice) {
  const EpochQuestions questions({{0, 100, 0.3}, {100, 110, 1}, {110, 113, 0.01}}, 7);
  EXPECT_EQ(questions.Description(), "41 questions of 30/100 10/10 1/3");
  for (std::uint64_t epoch = 0; epoch < 20; ++epoch) {
    const std::vector<std::size_t> taken = Taken(questions, epoch);
    const std::set<std::size_t> each(taken.begin(), taken.end());
    EXPECT_EQ(each.size(), 41u);
    EXPECT_EQ(std::distance(each.begin(), each.lower_bound(100)), 30);
    EXPECT_EQ(std::distance(each.lower_bound(100), each.lower_bound(110)), 10);
    EXPECT_LT(*each.rbegin(), 113u);
  }
}

TEST(EpochQuestions, ComeEquallyOftenOverTheEpochs) {
  const EpochQuestions questions({{0, 10, 0.3}}, 7);
  std::map<std::size_t, int> times;
  for (std::uint64_t epoch = 0; epoch < 10; ++epoch) {
    for (const std::size_t question : Taken(questions, epoch)) ++times[question];
  }
  ASSERT_EQ(times.size(), 10u);
  for (const auto& [question, count] : times) EXPECT_EQ(count, 3) << question;
}

TEST(EpochQuestions, TellWhichTheFirstEpochsTake) {
  const EpochQuestions questions({{0, 10, 0.3}, {10, 12, 1}}, 7);
  for (const int epochs : {1, 2, 4}) {
    std::set<std::size_t> taken;
    for (int epoch = 0; epoch < epochs; ++epoch) {
      for (const std::size_t question : Taken(questions, static_cast<std::uint64_t>(epoch)))
        taken.insert(question);
    }
    const std::vector<bool> flags = questions.TakenIn(epochs);
    ASSERT_EQ(flags.size(), 12u);
    for (std::size_t i = 0; i < flags.size(); ++i) EXPECT_EQ(flags[i], taken.contains(i)) << i;
  }
}

TEST(EpochQuestions, AreDrawnByTheSeed) {
  const std::vector<EpochQuestions::Part> parts = {{0, 100, 0.3}};
  const EpochQuestions one(parts, 7), same(parts, 7), other(parts, 8);
  EXPECT_EQ(Taken(one, 1), Taken(same, 1));
  EXPECT_NE(Taken(one, 1), Taken(other, 1));
  EXPECT_NE(Taken(one, 1), Taken(one, 0));
}

}  // namespace
}  // namespace fovea::tools
