// A fixed set of worker threads: the one thread budget of a process.
//
// The pool owns its threads and joins them when destroyed. ParallelFor may be called from any thread,
// also from inside a body or a task (it then runs on the calling thread alone), so that nothing deadlocks and the
// number of busy threads never exceeds size().

#pragma once

#include <cstddef>
#include <functional>
#include <memory>

namespace fovea {

class ThreadPool {
 public:
  // `threads` >= 1 counts the calling thread: ThreadPool(1) starts no thread. 0: all cores.
  explicit ThreadPool(int threads = 0);
  // No Task that still has work to do may outlive the pool.
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int size() const;

  // Calls body(begin, end) over disjoint ranges that cover [0, count), each of at most `grain` (>= 1) elements,
  // and returns when all are done. The ranges do not depend on the number of threads: block b is always
  // [b * grain, min((b + 1) * grain, count)). The first exception thrown by a body is rethrown here; blocks not yet started are
  // then left out. count == 0 does nothing.
  void ParallelFor(std::size_t count, std::size_t grain,
                   const std::function<void(std::size_t begin, std::size_t end)>& body);

  // Work of its own that goes on beside the caller; a handle for one thread at a time.
  class Task {
   public:
    Task() = default;  // Nothing to do.
    // Drops the work if nobody has begun it, else waits; what it throws is lost.
    ~Task();
    Task(Task&&) noexcept = default;
    Task& operator=(Task&& other) noexcept;

    // Returns when the work is done; does it here if no worker has begun it. Rethrows, once, what it threw.
    void Wait();

   private:
    friend class ThreadPool;
    struct Work;
    void Settle(bool drop) noexcept;
    std::shared_ptr<Work> work_;
  };

  // One worker does `work` as soon as it is free, before any ParallelFor, which goes on with the others: the budget of
  // size() threads stands. Tasks are begun in the order they were posted. Without a worker, Wait does the work.
  Task Post(std::function<void()> work);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// pool->ParallelFor, or all of [0, count) at once on the calling thread where there is no pool.
inline void ParallelFor(ThreadPool* pool, std::size_t count, std::size_t grain,
                        const std::function<void(std::size_t begin, std::size_t end)>& body) {
  if (pool != nullptr) {
    pool->ParallelFor(count, grain, body);
  } else if (count > 0) {
    body(0, count);
  }
}

}  // namespace fovea
