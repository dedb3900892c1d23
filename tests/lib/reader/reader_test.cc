#include "lib/reader/reader.h"

#include <gtest/gtest.h>

#include <cmath>

namespace fovea {
namespace {

Reading OfTwoPassages() {
  Reading reading;
  reading.none_weight = 0.4f;
  reading.passages = {{0.5f, {{{0, 4}, 0.2f}, {{5, 9}, 0.3f}}, {{{0, 4}, 0.1f, 0.4f, 7}}},
                      {0.1f, {{{0, 4}, 0.1f}}, {}}};
  reading.spans = {{0, {0, 4}, 0.04f}};
  return reading;
}

TEST(RaiseAnswerTest, TheOddsOfAnAnswerGrowAndWeightsStillSumToOne) {
  Reading reading = OfTwoPassages();
  RaiseAnswer(reading, std::log(4.0));
  const double raised = 0.6 * 4 / (0.6 * 4 + 0.4);
  EXPECT_NEAR(reading.none_weight, 1 - raised, 1e-6);
  const double factor = raised / 0.6;
  EXPECT_NEAR(reading.passages[0].weight, 0.5 * factor, 1e-6);
  EXPECT_NEAR(reading.passages[1].weight, 0.1 * factor, 1e-6);
  EXPECT_NEAR(reading.passages[0].sentences[1].weight, 0.3 * factor, 1e-6);
  EXPECT_NEAR(reading.passages[0].tokens[0].start, 0.1 * factor, 1e-6);
  EXPECT_NEAR(reading.passages[0].tokens[0].end, 0.4 * factor, 1e-6);
  EXPECT_EQ(reading.passages[0].tokens[0].attention, 7);
  EXPECT_NEAR(reading.spans[0].score, 0.04 * factor * factor, 1e-6);
}

TEST(RaiseAnswerTest, NegativeNatsShrinkThem) {
  Reading reading = OfTwoPassages();
  RaiseAnswer(reading, -1e3);
  EXPECT_EQ(reading.none_weight, 1);
  EXPECT_EQ(reading.passages[0].weight, 0);
  RaiseAnswer(reading, 1e3);
  EXPECT_EQ(reading.none_weight, 1) << "nothing is left to raise";
}

TEST(RaiseAnswerTest, NoNatsAndNoPassagesChangeNothing) {
  Reading reading = OfTwoPassages();
  RaiseAnswer(reading, 0);
  EXPECT_EQ(reading.none_weight, 0.4f);
  EXPECT_EQ(reading.spans[0].score, 0.04f);
  Reading none;
  none.none_weight = 1;
  RaiseAnswer(none, 5);
  EXPECT_EQ(none.none_weight, 1);
}

}  // namespace
}  // namespace fovea
