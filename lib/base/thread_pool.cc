#include "lib/base/thread_pool.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace fovea {
namespace {

thread_local bool inside_parallel_for = false;

void Pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

// Looks for `ready` for a short while before the caller goes to sleep. Decoding a token is some 200
// jobs of tens of microseconds, close together, and waking a sleeping thread can take as long as
// one of them. Longer, or yielding to other processes, would only cost time where cores are scarce.
template <typename Ready>
void WaitBriefly(std::chrono::microseconds patience, const Ready& ready) {
  const auto start = std::chrono::steady_clock::now();
  while (!ready() && std::chrono::steady_clock::now() - start < patience) Pause();
}

// One ParallelFor call: blocks are handed out by an atomic counter.
struct Job {
  std::size_t count = 0;
  std::size_t grain = 1;
  const std::function<void(std::size_t, std::size_t)>* body = nullptr;
  std::atomic<std::size_t> next{0};
  std::mutex mutex;
  std::exception_ptr error;

  void Run() {
    const bool outer = std::exchange(inside_parallel_for, true);
    for (;;) {
      const std::size_t begin = next.fetch_add(grain);
      if (begin >= count) break;
      try {
        (*body)(begin, std::min(begin + grain, count));
      } catch (...) {
        next.store(count);
        const std::lock_guard lock(mutex);
        if (!error) error = std::current_exception();
      }
    }
    inside_parallel_for = outer;
  }
};

}  // namespace

struct ThreadPool::State {
  std::mutex submit;  // One job at a time: a second caller waits its turn.
  std::mutex mutex;
  std::condition_variable wake;
  std::condition_variable idle;
  Job* job = nullptr;
  std::chrono::microseconds patience{20};
  bool stopping = false;
  // Written under the mutex; atomic so that WaitBriefly may look without it.
  std::atomic<std::uint64_t> round{0};
  std::atomic<int> active{0};
  std::vector<std::thread> workers;

  void Work() {
    std::uint64_t seen = 0;
    for (;;) {
      WaitBriefly(patience, [&] { return round.load() != seen; });
      std::unique_lock lock(mutex);
      wake.wait(lock, [&] { return round.load() != seen; });
      if (stopping) return;
      seen = round.load();
      Job* current = job;
      if (current == nullptr) continue;  // The others were faster.
      ++active;
      lock.unlock();
      current->Run();
      lock.lock();
      if (--active == 0) idle.notify_all();
    }
  }
};

ThreadPool::ThreadPool(int threads) : state_(std::make_unique<State>()) {
  if (threads <= 0) threads = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  // More threads than cores: one that spins would keep another from its work.
  if (threads > static_cast<int>(std::thread::hardware_concurrency())) state_->patience = {};
  for (int i = 1; i < threads; ++i) {
    state_->workers.emplace_back([state = state_.get()] { state->Work(); });
  }
}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
    ++state_->round;
  }
  state_->wake.notify_all();
  for (std::thread& worker : state_->workers) worker.join();
}

int ThreadPool::size() const { return static_cast<int>(state_->workers.size()) + 1; }

void ThreadPool::ParallelFor(std::size_t count, std::size_t grain,
                             const std::function<void(std::size_t, std::size_t)>& body) {
  if (count == 0) return;
  if (count <= grain) {
    body(0, count);  // One block: what it calls may still use the whole pool.
    return;
  }
  Job job;
  job.count = count;
  job.grain = std::max<std::size_t>(grain, 1);
  job.body = &body;
  if (state_->workers.empty() || inside_parallel_for) {
    job.Run();
  } else {
    const std::lock_guard turn(state_->submit);
    {
      const std::lock_guard lock(state_->mutex);
      state_->job = &job;
      ++state_->round;
    }
    state_->wake.notify_all();
    job.Run();
    {
      const std::lock_guard lock(state_->mutex);
      state_->job = nullptr;
    }
    const auto done = [&] { return state_->active.load() == 0; };
    WaitBriefly(state_->patience, done);
    std::unique_lock lock(state_->mutex);
    state_->idle.wait(lock, done);
  }
  if (job.error) std::rethrow_exception(job.error);
}

}  // namespace fovea
