// The k best of a stream of scores, and the exact scan that makes them. Internal to retriever/.

#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "lib/base/thread_pool.h"
#include "lib/kernels/kernels.h"

namespace fovea {

// Keeps the k best scores; of equal scores the lower row wins, so the result depends on nothing
// else.
class TopHits {
 public:
  struct Entry {
    float score;
    std::size_t row;
  };

  explicit TopHits(std::size_t k) : k_(k) {}

  void Offer(float score, std::size_t row) {
    const Entry entry{score, row};
    if (heap_.size() < k_) {
      heap_.push_back(entry);
      std::push_heap(heap_.begin(), heap_.end(), Better);
    } else if (k_ > 0 && Better(entry, heap_.front())) {
      std::pop_heap(heap_.begin(), heap_.end(), Better);
      heap_.back() = entry;
      std::push_heap(heap_.begin(), heap_.end(), Better);
    }
  }

  // Best first.
  std::vector<Entry> Sorted() const {
    std::vector<Entry> sorted = heap_;
    std::sort(sorted.begin(), sorted.end(), Better);
    return sorted;
  }

 private:
  static bool Better(const Entry& a, const Entry& b) {
    return a.score != b.score ? a.score > b.score : a.row < b.row;
  }

  std::size_t k_;
  std::vector<Entry> heap_;  // the worst in front
};

// out[n] = query · vectors[n], by all threads of the pool; the same whatever their number
// (kernels.h).
inline void DotRowsParallel(std::span<const float> query, ConstMatrixView vectors,
                            std::span<float> out, ThreadPool* pool) {
  constexpr std::size_t kRows = 1024;
  const auto scan = [&](std::size_t begin, std::size_t end) {
    DotRows(query, vectors.Rows(begin, end), out.subspan(begin, end - begin));
  };
  ParallelFor(pool, vectors.rows, kRows, scan);
}

}  // namespace fovea
