#include "generator/answer_signs.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace fovea {
namespace {

// 4 nats a unit above 0.5.
AnswerSigns Only(AnswerSign AnswerSigns::*sign) {
  AnswerSigns signs;
  signs.*sign = {4, 0.5f};
  return signs;
}

class AnswerSignsTest : public ::testing::Test {
 protected:
  AnswerSignsTest() : passages_(2), hits_(2) {
    Score(0.6f, 0.4f);
    passages_[0].text = "The robot sleeps. It wakes in the old factory.";
    passages_[1].text = "Nothing.";
    reading_.passages.resize(2);
    reading_.passages[0].sentences = {{{0, 17}, 0.1f}, {{18, 46}, 0.5f}};
    reading_.passages[1].sentences = {{{0, 8}, 0.0f}};
    reading_.spans = {{0, {27, 46}, 0.3f}};
  }
  void Score(float first, float second) {
    hits_[0].dense_score = first;
    hits_[1].dense_score = second;
  }
  double Nats(AnswerSign AnswerSigns::*sign, const std::string& question) const {
    return AnswerNats(Only(sign), question, hits_, passages_, reading_);
  }

  std::vector<Passage> passages_;
  std::vector<Hit> hits_;
  Reading reading_;
};

TEST_F(AnswerSignsTest, WordsOfTheQuestionInTheSentenceWithTheAnswerCount) {
  const auto nats = [&](const char* question) { return Nats(&AnswerSigns::covered, question); };
  EXPECT_NEAR(nats("What wakes in the factory?"), 4 * (1 - 0.5), 1e-5);
  EXPECT_NEAR(nats("Who wakes the giant?"), 4 * (0.5 - 0.5), 1e-5);
  EXPECT_NEAR(nats("Where is the robot?"), 4 * (0 - 0.5), 1e-5) << "it is in another sentence";
  EXPECT_EQ(nats("Who is it?"), 0) << "nothing to look for";
}

TEST_F(AnswerSignsTest, WordsOfTheQuestionInThePassageWithTheAnswerCount) {
  const auto nats = [&](const char* question) { return Nats(&AnswerSigns::known, question); };
  EXPECT_NEAR(nats("Where is the robot?"), 4 * (1 - 0.5), 1e-5);
  EXPECT_NEAR(nats("Where is the giant?"), 4 * (0 - 0.5), 1e-5);
  EXPECT_EQ(nats("Who is it?"), 0) << "nothing to look for";
  passages_[0].title = "Giants";
  passages_[0].heading = "A dwarf";
  EXPECT_NEAR(nats("Where do the giants meet the dwarf?"), 4 * (2.0 / 3 - 0.5), 1e-5);
  passages_[1].text = "They meet here.";
  EXPECT_NEAR(nats("Where do they meet?"), 4 * (0 - 0.5), 1e-5) << "it is in another passage";
}

TEST_F(AnswerSignsTest, PassagesThatAgreeInTheAnswerCount) {
  const auto nats = [&] { return Nats(&AnswerSigns::share, "Who is it?"); };
  reading_.passages[0].weight = 0.3f;
  reading_.passages[1].weight = 0.1f;
  EXPECT_NEAR(nats(), 4 * (0.75 - 0.5), 1e-5);
  passages_[1].text = "They are in THE OLD\nfactory.";
  EXPECT_NEAR(nats(), 4 * (1 - 0.5), 1e-5);
  passages_[1].text = "They are in the older factory.";
  EXPECT_NEAR(nats(), 4 * (0.75 - 0.5), 1e-5) << "part of a word is not the word";
  reading_.passages[0].weight = reading_.passages[1].weight = 0;
  EXPECT_NEAR(nats(), 4 * (0 - 0.5), 1e-5) << "nothing weighs";
}

TEST_F(AnswerSignsTest, ALeadInRetrievalCounts) {
  Score(0.9f, 0.2f);
  EXPECT_NEAR(Nats(&AnswerSigns::lead, "Who is it?"), 4 * (0.7 - 0.5), 1e-5);
  Score(0.4f, 0.4f);
  EXPECT_NEAR(Nats(&AnswerSigns::lead, "Who is it?"), 4 * (0 - 0.5), 1e-5);
}

TEST_F(AnswerSignsTest, GivenPassagesShowNone) {
  const auto expect_none = [&](const char* why) {
    for (const auto sign :
         {&AnswerSigns::lead, &AnswerSigns::covered, &AnswerSigns::known, &AnswerSigns::share})
      EXPECT_EQ(Nats(sign, "What wakes in the factory?"), 0) << why;
  };
  hits_[1].dense_score.reset();
  expect_none("one cosine leads nothing");
  hits_[0].dense_score.reset();
  expect_none("no cosine");
}

TEST_F(AnswerSignsTest, WithoutSignsOrASpanNothingCounts) {
  const std::string question = "What wakes in the factory?";
  EXPECT_EQ(AnswerNats({}, question, hits_, passages_, reading_), 0);
  reading_.spans.clear();
  EXPECT_EQ(Nats(&AnswerSigns::covered, question), 0);
}

}  // namespace
}  // namespace fovea
