#include "tools/eval_metrics.h"

#include <gtest/gtest.h>

#include <vector>

#include "tools/ranking.h"

namespace fovea::tools {
namespace {

// Discounts by hand: 1/log2(2) = 1, 1/log2(3) = 0.6309297536, 1/log2(4) = 0.5, 1/log2(5) =
// 0.4306765581.
constexpr double kSecond = 0.6309297535714575;
constexpr double kFourth = 0.43067655807339306;

const std::vector<std::string> kRanking = {"a", "b", "c", "d", "e"};

TEST(Ndcg, IsTheGainOverThatOfTheIdealRanking) {
  // Found: b (2) at rank 2, d (1) at rank 4. Ideal: 3, 2, 1 at ranks 1, 2, 3.
  const Judgements judgements = {{"b", 2}, {"d", 1}, {"z", 3}, {"a", 0}};
  const double dcg = 2 * kSecond + 1 * kFourth;
  const double ideal = 3 + 2 * kSecond + 1 * 0.5;
  EXPECT_NEAR(NdcgAt(10, kRanking, judgements), dcg / ideal, 1e-12);
  EXPECT_NEAR(NdcgAt(10, kRanking, judgements), 1.6925360652 / 4.7618595071, 1e-9);
}

TEST(Ndcg, CutsRankingAndIdealAtK) {
  const Judgements judgements = {{"b", 1}, {"d", 1}, {"z", 1}};
  EXPECT_NEAR(NdcgAt(2, kRanking, judgements), kSecond / (1 + kSecond), 1e-12);
  EXPECT_EQ(NdcgAt(1, kRanking, judgements), 0);
}

TEST(Ndcg, IsOneForTheIdealRankingAndZeroWhereNothingIsRelevant) {
  EXPECT_NEAR(NdcgAt(10, kRanking, {{"a", 3}, {"b", 2}, {"c", 1}}), 1, 1e-12);
  EXPECT_EQ(NdcgAt(10, kRanking, {{"a", 0}, {"b", -1}}), 0);
  EXPECT_EQ(NdcgAt(10, {}, {{"a", 1}}), 0);
}

TEST(Recall, IsTheShareOfTheRelevantOnesAmongTheFirstK) {
  const Judgements judgements = {{"b", 2}, {"d", 1}, {"z", 3}, {"a", 0}};
  EXPECT_EQ(RecallAt(1, kRanking, judgements), 0);
  EXPECT_NEAR(RecallAt(2, kRanking, judgements), 1.0 / 3, 1e-12);
  EXPECT_NEAR(RecallAt(100, kRanking, judgements), 2.0 / 3, 1e-12);
  EXPECT_EQ(RecallAt(5, kRanking, {}), 0);
}

TEST(ReciprocalRank, IsThatOfTheFirstRelevantOne) {
  EXPECT_EQ(ReciprocalRankAt(10, kRanking, {{"c", 1}, {"d", 1}}), 1.0 / 3);
  EXPECT_EQ(ReciprocalRankAt(2, kRanking, {{"c", 1}}), 0);
}

TEST(RankDocuments, PutsADocumentWhereItsBestPassageStands) {
  std::vector<Hit> hits;
  for (const char* document : {"x", "y", "x", "z", "y", "w"}) {
    hits.emplace_back();
    hits.back().passage.document = document;
  }
  EXPECT_EQ(RankDocuments(hits, 10), (std::vector<std::string>{"x", "y", "z", "w"}));
  EXPECT_EQ(RankDocuments(hits, 2), (std::vector<std::string>{"x", "y"}));
}

// Confidences .9 (answerable, F1 1), .7 (not), .5 (answerable, F1 .5; and not), .1 (not).
const std::vector<AnswerConfidence> kConfidences = {
    {.confidence = 0.5, .answerable = false},
    {.confidence = 0.9, .answerable = true, .f1 = 1},
    {.confidence = 0.1, .answerable = false},
    {.confidence = 0.5, .answerable = true, .f1 = 0.5},
    {.confidence = 0.7, .answerable = false}};

TEST(AnswerableAuc, CountsPairsInTheRightOrderAndTiesHalf) {
  // Of 6 pairs, .9 wins 3, .5 wins one (.1), ties one and loses one.
  EXPECT_NEAR(AnswerableAuc(kConfidences), 4.5 / 6, 1e-12);
  const std::vector<AnswerConfidence> even = {{.confidence = 0.3, .answerable = true},
                                              {.confidence = 0.3, .answerable = false}};
  EXPECT_EQ(AnswerableAuc(even), 0.5);
}

TEST(AbstainWithin, AbstainsAsMuchAsTheDropAllows) {
  // Only .1 may go: .5 would cost a quarter of the mean F1 of .75.
  const AbstentionPoint strict = AbstainWithin(0.05, kConfidences);
  EXPECT_NEAR(strict.threshold, 0.9, 1e-12);
  EXPECT_NEAR(strict.has_answer_f1, 0.75, 1e-12);
  EXPECT_NEAR(strict.no_answer_accuracy, 1.0 / 3, 1e-12);
  // .5, with its equal, and then .7, which costs nothing more.
  const AbstentionPoint loose = AbstainWithin(0.3, kConfidences);
  EXPECT_NEAR(loose.threshold, 0.3, 1e-12);
  EXPECT_NEAR(loose.has_answer_f1, 0.5, 1e-12);
  EXPECT_NEAR(loose.no_answer_accuracy, 1, 1e-12);
}

TEST(AbstainWithin, AbstainsFromNothingWhereTheLeastSureIsRight) {
  const std::vector<AnswerConfidence> answers = {{.confidence = 0.1, .answerable = true, .f1 = 1},
                                                 {.confidence = 0.9, .answerable = false}};
  const AbstentionPoint point = AbstainWithin(0.05, answers);
  EXPECT_GT(point.threshold, 1);
  EXPECT_EQ(point.has_answer_f1, 1);
  EXPECT_EQ(point.no_answer_accuracy, 0);
}

}  // namespace
}  // namespace fovea::tools
