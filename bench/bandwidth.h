// How fast memory is read, by the clock.

#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <span>
#include <vector>

#include "lib/base/thread_pool.h"
#include "lib/kernels/kernels.h"

namespace fovea::bench {

// Most calls of `body` a second, of half a second's worth.
inline double Rate(const std::function<void()>& body) {
  using Clock = std::chrono::steady_clock;
  constexpr double kSeconds = 0.5;
  body();
  double best = 1e300;
  double spent = 0;
  while (spent < kSeconds) {
    const auto start = Clock::now();
    body();
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    best = std::min(best, seconds);
    spent += seconds;
  }
  return 1 / best;
}

// Bytes a second that the pool's threads read together: a sum over an array larger than any cache.
inline double Bandwidth(ThreadPool& pool) {
  constexpr std::size_t kScanned = std::size_t{512} << 20;  // bytes
  constexpr std::size_t kBlock = 1 << 18;                   // floats
  const std::vector<float> memory(kScanned / sizeof(float), 1.0f);
  std::vector<float> sums(memory.size() / kBlock);
  const double rate = Rate([&] {
    pool.ParallelFor(sums.size(), 1, [&](std::size_t block, std::size_t) {
      const std::span<const float> part(memory.data() + block * kBlock, kBlock);
      sums[block] = Dot(part.first(kBlock / 2), part.last(kBlock / 2));
    });
  });
  return rate * static_cast<double>(kScanned);
}

}  // namespace fovea::bench
