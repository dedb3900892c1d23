#include "lib/nn/sequence_batches.h"

#include <algorithm>
#include <numeric>

#include "lib/base/thread_pool.h"

namespace fovea {
namespace {

// Tokens run at once: enough rows for the matmuls to reach full speed, few enough for what passes
// from one step of a layer to the next to stay in the nearer caches.
constexpr std::size_t kBatchTokens = 512;
// Fewer are not worth a batch of their own for the sake of another thread.
constexpr std::size_t kLeastBatchTokens = 128;
// Batches a thread should get, so that the last ones end at about the same time.
constexpr std::size_t kBatchesPerThread = 4;

// Parts of `order` whose sequences together have at most `budget` tokens (one sequence at least).
std::vector<SequenceBatch> Batches(std::span<const std::size_t> sizes,
                                   std::span<const std::size_t> order, std::size_t budget) {
  std::vector<SequenceBatch> batches;
  for (const std::size_t sequence : order) {
    if (batches.empty() || batches.back().tokens + sizes[sequence] > budget) batches.emplace_back();
    batches.back().sequences.push_back(sequence);
    batches.back().tokens += sizes[sequence];
  }
  return batches;
}

std::vector<std::size_t> Order(std::size_t count) {
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  return order;
}

}  // namespace

std::vector<SequenceBatch> BatchesInOrder(std::span<const std::size_t> sizes) {
  return Batches(sizes, Order(sizes.size()), kBatchTokens);
}

void ForSequenceBatches(std::span<const std::size_t> sizes, ThreadPool* pool,
                        const std::function<void(const SequenceBatch&, ThreadPool*)>& body) {
  std::vector<std::size_t> order = Order(sizes.size());
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return sizes[a] > sizes[b]; });
  const std::size_t tokens = std::accumulate(sizes.begin(), sizes.end(), std::size_t{0});
  const std::size_t threads = pool == nullptr ? 1 : static_cast<std::size_t>(pool->size());
  const std::size_t share = tokens / (threads * kBatchesPerThread);
  const std::vector<SequenceBatch> batches =
      Batches(sizes, order,
              threads == 1 ? kBatchTokens : std::clamp(share, kLeastBatchTokens, kBatchTokens));
  if (threads == 1 || batches.size() < threads) {
    for (const SequenceBatch& batch : batches) body(batch, pool);
    return;
  }
  pool->ParallelFor(batches.size(), 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) body(batches[i], nullptr);
  });
}

}  // namespace fovea
