// Row operations shared out over the pool. Blocks are of fixed size, so that the threads change
// nothing in the result.

#pragma once

#include <cstddef>
#include <functional>

#include "lib/base/thread_pool.h"

namespace fovea {

// body(begin, end) over the rows [0, rows) in blocks; `pool` may be null.
inline void ForRowBlocks(std::size_t rows, ThreadPool* pool,
                         const std::function<void(std::size_t begin, std::size_t end)>& body) {
  constexpr std::size_t kBlock = 32;
  ParallelFor(pool, rows, kBlock, body);
}

}  // namespace fovea
