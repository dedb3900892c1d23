#include "lib/base/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <numeric>
#include <stdexcept>
#include <thread>
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
    pool.ParallelFor(
        10, 2, [&](std::size_t begin, std::size_t end) { total += static_cast<int>(end - begin); });
  });
  EXPECT_EQ(total, 80);
}

TEST(ThreadPool, RethrowsTheFirstExceptionAndStaysUsable) {
  ThreadPool pool(3);
  for (int round = 0; round < 20; ++round) {
    EXPECT_THROW(pool.ParallelFor(100, 1,
                                  [](std::size_t begin, std::size_t) {
                                    if (begin == 17) throw std::runtime_error("17");
                                  }),
                 std::runtime_error);
  }
  std::atomic<int> total{0};
  pool.ParallelFor(10, 1, [&](std::size_t, std::size_t) { ++total; });
  EXPECT_EQ(total, 10);
}

TEST(ThreadPoolTask, IsDoneOnceWhenWaitReturnsWhateverTheThreads) {
  for (const int threads : {1, 2, 5}) {
    ThreadPool pool(threads);
    std::vector<int> done(100, 0);
    std::vector<ThreadPool::Task> tasks;
    for (int& one : done) tasks.push_back(pool.Post([&one] { ++one; }));
    for (std::size_t i = 0; i < tasks.size(); ++i) {
      tasks[i].Wait();
      EXPECT_EQ(done[i], 1);
      tasks[i].Wait();  // Nothing is left to do.
      EXPECT_EQ(done[i], 1);
    }
  }
}

TEST(ThreadPoolTask, RunsBesideParallelForWithinTheBudget) {
  constexpr int kThreads = 3;
  ThreadPool pool(kThreads);
  std::atomic<int> busy{0};
  std::atomic<int> most{0};
  const auto work = [&] {
    const int now = ++busy;
    for (int seen = most.load(); seen < now && !most.compare_exchange_weak(seen, now);) {
    }
    std::this_thread::sleep_for(std::chrono::microseconds(200));
    --busy;
  };
  std::vector<ThreadPool::Task> tasks;
  for (int i = 0; i < 20; ++i) {
    tasks.push_back(
        pool.Post([&] { pool.ParallelFor(3, 1, [&](std::size_t, std::size_t) { work(); }); }));
  }
  for (int i = 0; i < 20; ++i) {
    std::atomic<int> total{0};
    pool.ParallelFor(8, 1, [&](std::size_t, std::size_t) {
      work();
      ++total;
    });
    EXPECT_EQ(total, 8);
  }
  for (ThreadPool::Task& task : tasks) task.Wait();
  EXPECT_LE(most, kThreads);
}

TEST(ThreadPoolTask, RethrowsAtWaitAndThePoolStaysUsable) {
  for (const int threads : {1, 2}) {
    ThreadPool pool(threads);
    ThreadPool::Task task = pool.Post([] { throw std::runtime_error("no"); });
    EXPECT_THROW(task.Wait(), std::runtime_error);
    task.Wait();
    bool done = false;
    pool.Post([&] { done = true; }).Wait();
    EXPECT_TRUE(done);
  }
}

TEST(ThreadPoolTask, DroppedOnesAreFinishedOrNeverBegun) {
  for (const int threads : {1, 2, 4}) {
    ThreadPool pool(threads);
    for (int round = 0; round < 50; ++round) {
      std::atomic<int> begun{0};
      std::atomic<int> finished{0};
      {
        std::vector<ThreadPool::Task> tasks;
        for (int i = 0; i < 8; ++i) {
          tasks.push_back(pool.Post([&] {
            ++begun;
            std::this_thread::yield();
            ++finished;
          }));
        }
      }
      EXPECT_EQ(begun, finished);
    }
  }
}

}  // namespace
}  // namespace fovea
