// Sequences of tokens put together to be run through layers at once.

#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

namespace fovea {

class ThreadPool;

// Some sequences, by their numbers, and their tokens together.
struct SequenceBatch {
  std::vector<std::size_t> sequences;
  std::size_t tokens = 0;
};

// All sequences in the order given, in batches of bounded memory. sizes: tokens of each.
std::vector<SequenceBatch> BatchesInOrder(std::span<const std::size_t> sizes);

// body(batch, pool) for all sequences in batches of bounded memory, longest first: a thread a batch
// (`pool` is then null) where there are many, all threads inside one after the other where there
// are few. The batches depend on the number of threads: a sequence's result must not depend on its
// batch.
void ForSequenceBatches(std::span<const std::size_t> sizes, ThreadPool* pool,
                        const std::function<void(const SequenceBatch&, ThreadPool*)>& body);

}  // namespace fovea
