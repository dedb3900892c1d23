#include "retriever/fusion.h"

#include <gtest/gtest.h>

#include <vector>

namespace fovea {
namespace {

std::vector<std::int64_t> Order(const std::vector<FusedHit>& hits) {
  std::vector<std::int64_t> chunks;
  for (const FusedHit& hit : hits) chunks.push_back(Value(hit.chunk));
  return chunks;
}

TEST(Fusion, ScoreIsTheWeightedSumOfCosineAndShareOfTheBestBm25) {
  const std::vector<DenseHit> dense = {{ChunkId{1}, 0.9f}, {ChunkId{2}, 0.5f}};
  const std::vector<LexicalHit> lexical = {{ChunkId{2}, 8.0f}, {ChunkId{1}, 2.0f}};
  const auto hits = Fuse(dense, lexical, {.dense_weight = 0.6});
  ASSERT_EQ(Order(hits), (std::vector<std::int64_t>{2, 1}));
  EXPECT_NEAR(hits[0].score, 0.6 * 0.5 + 0.4 * 1.0, 1e-7);
  EXPECT_NEAR(hits[1].score, 0.6 * 0.9 + 0.4 * 0.25, 1e-7);
  EXPECT_EQ(hits[0].dense_rank, 2);
  EXPECT_EQ(hits[0].lexical_rank, 1);
  EXPECT_FLOAT_EQ(*hits[1].dense_score, 0.9f);
  EXPECT_FLOAT_EQ(*hits[1].lexical_score, 2.0f);
}

TEST(Fusion, ALexicalHitOutsideTheDenseListTakesItsKnownCosine) {
  const std::vector<DenseHit> dense = {{ChunkId{1}, 0.9f}, {ChunkId{2}, 0.8f}};
  const std::vector<LexicalHit> lexical = {{ChunkId{3}, 5.0f}, {ChunkId{4}, 5.0f}};
  const std::vector<DenseHit> known = {{ChunkId{3}, 0.1f}, {ChunkId{99}, 1.0f}, {ChunkId{1}, 0.0f}};
  const auto hits = Fuse(dense, lexical, {.dense_weight = 0.5}, known);
  // 4 is not known: it counts with 0.8, the most it can have. 99 is in neither list, and 1 keeps
  // its own score.
  ASSERT_EQ(Order(hits), (std::vector<std::int64_t>{4, 3, 1, 2}));
  EXPECT_NEAR(hits[0].score, 0.5 * 0.8 + 0.5, 1e-7);
  EXPECT_NEAR(hits[1].score, 0.5 * 0.1 + 0.5, 1e-7);
  EXPECT_NEAR(hits[2].score, 0.5 * 0.9, 1e-7);
  EXPECT_FALSE(hits[0].dense_score.has_value());
  EXPECT_FALSE(hits[1].dense_rank.has_value());
  EXPECT_FALSE(hits[2].lexical_rank.has_value());
}

TEST(Fusion, OneSideAloneKeepsItsOrder) {
  const std::vector<DenseHit> dense = {{ChunkId{5}, 0.3f}, {ChunkId{1}, -0.2f}};
  EXPECT_EQ(Order(Fuse(dense, {}, {})), (std::vector<std::int64_t>{5, 1}));
  const std::vector<LexicalHit> lexical = {{ChunkId{7}, 3.0f}, {ChunkId{2}, 1.0f}};
  EXPECT_EQ(Order(Fuse({}, lexical, {})), (std::vector<std::int64_t>{7, 2}));
  EXPECT_TRUE(Fuse({}, {}, {}).empty());
}

TEST(Fusion, TiesGoByChunkIdAndZeroBm25DividesNothing) {
  const std::vector<DenseHit> dense = {{ChunkId{9}, 0.5f}, {ChunkId{4}, 0.5f}};
  const std::vector<LexicalHit> lexical = {{ChunkId{9}, 0.0f}, {ChunkId{4}, 0.0f}};
  const auto hits = Fuse(dense, lexical, {.dense_weight = 0.5});
  EXPECT_EQ(Order(hits), (std::vector<std::int64_t>{4, 9}));
  EXPECT_DOUBLE_EQ(hits[0].score, 0.25);
}

}  // namespace
}  // namespace fovea
