#include "lib/base/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <numeric>
#include <stdexcept>
#include <vector>

namespace fovea {
namespace {

TEST(ThreadPool, CoversEveryElementOnceForAnyGrainAndThreads) {
  for (int threads : {1, 2, 5}) {
    ThreadPool pool(threads);
    for (std::size_t count : {0u, 1u, 7u, 64u, 1000u}) {
      for (std::size_t grain : {1u, 3u, 64u, 5000u}) {
        std::vector<int> seen(count, 0);
        pool.ParallelFor(count, grain, [&](std::size_t begin, std::size_t end) {
          EXPECT_EQ(begin % grain, 0u);
          EXPECT_LE(end - begin, grain);
          for (std::size_t i = begin; i < end; ++i) ++seen[i];
        });
        EXPECT_EQ(std::accumulate(seen.begin(), seen.end(), 0u), count);
      }
    }
  }
}

TEST(ThreadPool, NestedCallsFinish) {
  ThreadPool pool(4);
  std::atomic<int> total{0};
  pool.ParallelFor(8, 1, [&](std::size_t, std::size_t) {
    pool.ParallelFor(10, 2, [&](std::size_t begin, std::size_t end) { total += static_cast<int>(end - begin); });
  });
  EXPECT_EQ(total, 80);
}

TEST(ThreadPool, RethrowsTheFirstExceptionAndStaysUsable) {
  ThreadPool pool(3);
  for (int round = 0; round < 20; ++round) {
    EXPECT_THROW(pool.ParallelFor(100, 1, [](std::size_t begin, std::size_t) {
      if (begin == 17) throw std::runtime_error("17");
    }), std::runtime_error);
  }
  std::atomic<int> total{0};
  pool.ParallelFor(10, 1, [&](std::size_t, std::size_t) { ++total; });
  EXPECT_EQ(total, 10);
}

}  // namespace
}  // namespace fovea
