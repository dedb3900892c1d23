// Groups of changes on their way into the store, one behind the other: while the whole pool embeds
// a group, workers chunk and tokenise the next one and commit the one before.
//
// Groups are committed in the order they were pushed, each in one transaction, so a store holds
// what it would if each had been written before the next was begun; only later. With one thread
// that is what happens. At most three groups are held. Used by one thread, which may touch the
// store after Drain alone.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>

#include "lib/base/thread_pool.h"
#include "retriever/document_group.h"

namespace fovea {

class IndexPipeline {
 public:
  // `embedded` is told the source bytes of every group when it has been embedded. Borrows the pool.
  IndexPipeline(ThreadPool& pool, std::function<void(std::uint64_t bytes)> embedded);

  // Takes the group over. Throws what embedding it or the groups before, or writing those, throws;
  // Error(kCancelled) when `stop` is requested: groups that were embedded are committed first, the
  // others are dropped. Not to be used after it threw.
  void Push(std::unique_ptr<DocumentGroup> group, std::stop_token stop);
  // Commits all that was pushed. Throws as Push.
  void Drain(std::stop_token stop);

  // Whether all that was pushed is committed.
  bool idle() const { return prepared_ == nullptr && written_ == nullptr; }
  const GroupCounts& counts() const { return counts_; }

 private:
  void EmbedPrepared(std::stop_token stop);
  void FinishWriting();

  ThreadPool& pool_;
  std::function<void(std::uint64_t)> embedded_;
  GroupCounts counts_;
  std::unique_ptr<DocumentGroup> prepared_;
  std::unique_ptr<DocumentGroup> written_;
  ThreadPool::Task writing_;  // Last: the groups must outlive it.
};

}  // namespace fovea
