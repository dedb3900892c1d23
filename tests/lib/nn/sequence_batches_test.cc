#include "lib/nn/sequence_batches.h"

#include <gtest/gtest.h>

#include <mutex>
#include <random>

#include "lib/base/thread_pool.h"

namespace fovea {
namespace {

std::vector<std::size_t> RandomSizes(std::size_t count) {
  std::mt19937 random(static_cast<std::uint32_t>(count));
  std::vector<std::size_t> sizes;
  for (std::size_t i = 0; i < count; ++i) sizes.push_back(1 + random() % 700);
  return sizes;
}

TEST(SequenceBatches, InOrderTakeEverySequenceOnceWithinTheBound) {
  const auto sizes = RandomSizes(50);
  std::size_t next = 0;
  for (const SequenceBatch& batch : BatchesInOrder(sizes)) {
    std::size_t tokens = 0;
    for (const std::size_t sequence : batch.sequences) {
      EXPECT_EQ(sequence, next++);
      tokens += sizes[sequence];
    }
    EXPECT_EQ(batch.tokens, tokens);
    EXPECT_TRUE(tokens <= 512 || batch.sequences.size() == 1);
  }
  EXPECT_EQ(next, sizes.size());
}

TEST(SequenceBatches, EverySequenceIsRunOnceOnAnyNumberOfThreads) {
  for (const int threads : {1, 2, 5}) {
    ThreadPool pool(threads);
    for (const std::size_t count : {0, 1, 2, 40}) {
      const auto sizes = RandomSizes(count);
      std::vector<int> runs(count, 0);
      std::mutex mutex;
      ForSequenceBatches(sizes, &pool, [&](const SequenceBatch& batch, ThreadPool*) {
        const std::lock_guard lock(mutex);
        for (const std::size_t sequence : batch.sequences) ++runs[sequence];
      });
      EXPECT_EQ(runs, std::vector<int>(count, 1)) << threads << " threads";
    }
  }
}

TEST(SequenceBatches, ABodyRunsOnAllThreadsWhereThereAreFewSequences) {
  ThreadPool pool(4);
  ForSequenceBatches(std::vector<std::size_t>{100, 20}, &pool,
                     [&](const SequenceBatch& batch, ThreadPool* threads) {
                       EXPECT_EQ(batch.tokens, 120u);
                       EXPECT_EQ(threads, &pool);
                     });
}

}  // namespace
}  // namespace fovea
