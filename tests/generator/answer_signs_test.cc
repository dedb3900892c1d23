#include "generator/answer_signs.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace fovea {
namespace {

constexpr AnswerSigns kSigns = {
    .lead = 10, .neutral_lead = 0.2f, .covered = 4, .neutral_covered = 0.5f};

class AnswerSignsTest : public ::testing::Test {
 protected:
  AnswerSignsTest() : passages_(2), hits_(2) {
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
  double Nats(const std::string& question) const {
    return AnswerNats(kSigns, question, hits_, passages_, reading_);
  }

  std::vector<Passage> passages_;
  std::vector<Hit> hits_;
  Reading reading_;
};

TEST_F(AnswerSignsTest, WordsOfTheQuestionInTheSentenceWithTheAnswerCount) {
  Score(0.6f, 0.4f);  // a lead that counts for nothing
  EXPECT_NEAR(Nats("What wakes in the factory?"), 4 * (1 - 0.5), 1e-5);
  EXPECT_NEAR(Nats("Who wakes the giant?"), 4 * (0.5 - 0.5), 1e-5);
  EXPECT_NEAR(Nats("Where is the robot?"), 4 * (0 - 0.5), 1e-5) << "it is in another sentence";
  EXPECT_NEAR(Nats("Who is it?"), 0, 1e-5) << "nothing to look for";
}

TEST_F(AnswerSignsTest, ALeadInRetrievalCounts) {
  Score(0.9f, 0.4f);
  EXPECT_NEAR(Nats("Who is it?"), 10 * (0.5 - 0.2), 1e-5);
  Score(0.4f, 0.4f);
  EXPECT_NEAR(Nats("Who is it?"), 10 * (0 - 0.2), 1e-5);
}

TEST_F(AnswerSignsTest, GivenPassagesShowNone) {
  EXPECT_EQ(Nats("What wakes in the factory?"), 0);
  Score(0.9f, 0.4f);
  hits_[1].dense_score.reset();
  EXPECT_EQ(Nats("What wakes in the factory?"), 0) << "one cosine leads nothing";
}

TEST_F(AnswerSignsTest, WithoutSignsOrASpanNothingCounts) {
  Score(0.9f, 0.4f);
  EXPECT_EQ(AnswerNats({}, "Where is the robot?", hits_, passages_, reading_), 0);
  reading_.spans.clear();
  EXPECT_EQ(Nats("Where is the robot?"), 0);
}

}  // namespace
}  // namespace fovea
