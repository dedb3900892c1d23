// VectorIndex with and without int8 codes.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <optional>

#include "lib/base/thread_pool.h"
#include "retriever/vector_index.h"
#include "tests/retriever/store_fixtures.h"
#include "tests/support/temp_folder.h"

namespace fovea {
namespace {

using test::AddMany;
using test::OpenWithSettings;
using ::testing::IsEmpty;

// The same hits and scores as by codes, bit for bit, at any size.
TEST(VectorIndexCodes, WithoutCodesTheExactVectorsAreScanned) {
  const TempFolder folder;
  auto store = OpenWithSettings(folder.path());
  AddMany(*store, 300, 1);
  ThreadPool pool(3);
  EXPECT_TRUE(VectorIndex::Publish(*store, {}, &pool, {}));
  const auto coded = VectorIndex::Open(*store, {}, nullptr, {});
  const std::int64_t bytes = store->vector_file().bytes;

  const VectorIndexOptions options{.codes = VectorCodes::kF32, .exact_up_to = 100};
  EXPECT_TRUE(VectorIndex::Publish(*store, options, &pool, {}));
  EXPECT_FALSE(VectorIndex::Publish(*store, options, &pool, {}));
  EXPECT_LT(store->vector_file().bytes, bytes);
  EXPECT_THAT(VectorIndex::Check(*store), IsEmpty());
  for (ThreadPool* threads : {static_cast<ThreadPool*>(nullptr), &pool}) {
    const auto exact = VectorIndex::Open(*store, {}, threads, {});
    EXPECT_EQ(exact->type(), "flat_f32");
    const auto even = [](ChunkId chunk, DocumentId) { return Value(chunk) % 2 == 0; };
    for (std::uint64_t q = 0; q < 10; ++q) {
      const auto query = test::UnitVector(1'000'000 + q);
      for (const bool filtered : {false, true}) {
        const auto accept = filtered ? std::function<bool(ChunkId, DocumentId)>(even) : nullptr;
        const auto expected = coded->Search(query, 50, accept);
        const auto hits = exact->Search(query, 50, accept);
        ASSERT_EQ(hits.size(), expected.size());
        for (std::size_t i = 0; i < hits.size(); ++i) {
          EXPECT_EQ(hits[i].chunk, expected[i].chunk);
          EXPECT_EQ(hits[i].score, expected[i].score);
        }
      }
    }
  }
}

TEST(VectorIndexCodes, TheChoiceOfCodesStaysUntilAnotherIsMade) {
  const TempFolder folder;
  auto store = OpenWithSettings(folder.path());
  const auto publish = [&](std::optional<VectorCodes> codes) {
    return VectorIndex::Publish(*store, {.codes = codes}, nullptr, {});
  };
  EXPECT_TRUE(publish(VectorCodes::kF32)) << "to be remembered, though there is no vector yet";
  EXPECT_FALSE(publish({}));
  AddMany(*store, 5, 1);
  EXPECT_TRUE(publish({}));
  EXPECT_EQ(store->vector_file().type, "flat_f32");
  AddMany(*store, 200, 1'000);
  EXPECT_TRUE(publish({}));
  EXPECT_EQ(store->vector_file().type, "flat_f32");
  EXPECT_TRUE(publish(VectorCodes::kInt8));
  EXPECT_EQ(store->vector_file().type, "flat");
  EXPECT_FALSE(publish({}));
}

}  // namespace
}  // namespace fovea
