// The peak that a piece of work is compared with, of the current instruction set.

#pragma once

#include <cstddef>

#include "bench/bandwidth.h"
#include "bench/peak.h"
#include "lib/base/thread_pool.h"
#include "lib/kernels/isa.h"

namespace fovea::bench {

// Of the current instruction set; null: scalar, which has none.
inline PeakLoop F32Loop() {
  return CurrentIsa() == Isa::kAvx2     ? PeakF32Avx2
         : CurrentIsa() == Isa::kScalar ? nullptr
                                        : PeakF32Avx512;
}

// Multiply-adds a second of all threads together.
inline double Peak(PeakLoop loop, ThreadPool& pool) {
  constexpr std::size_t kRounds = 1 << 16;
  const auto threads = static_cast<std::size_t>(pool.size());
  std::size_t done = 0;
  const double rate = Rate([&] {
    pool.ParallelFor(threads, 1, [&](std::size_t thread, std::size_t) {
      float sink[16] = {1e-30f};
      const std::size_t count = loop(kRounds, sink);
      if (thread == 0) done = count;
    });
  });
  return rate * static_cast<double>(done * threads);
}

}  // namespace fovea::bench
