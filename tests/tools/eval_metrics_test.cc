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

}  // namespace
}  // namespace fovea::tools
