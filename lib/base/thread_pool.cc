#include "lib/base/thread_pool.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
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

struct ThreadPool::Task::Work {
  enum class Progress { kPosted, kBegun, kDone };

  Work(std::function<void()> work, State& owner) : body(std::move(work)), pool(owner) {}

  std::function<void()> body;
  State& pool;
  Progress progress = Progress::kPosted;  // Under the pool's mutex, as `error`.
  std::exception_ptr error;
};

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
  std::atomic<std::size_t> posted_count{0};  // posted.size()
  std::deque<std::shared_ptr<Task::Work>> posted;
  std::condition_variable task_done;
  std::vector<std::thread> workers;

  // Takes the task out of the queue, if it is still there, and marks it as begun.
  void Begin(Task::Work& task) {
    task.progress = Task::Work::Progress::kBegun;
    std::erase_if(posted, [&](const auto& other) { return other.get() == &task; });
    posted_count = posted.size();
  }

  // Runs a task that was begun; `lock` holds the mutex before and after.
  void Finish(Task::Work& task, std::unique_lock<std::mutex>& lock) {
    lock.unlock();
    std::exception_ptr error;
    const bool outer = std::exchange(inside_parallel_for, true);
    try {
      task.body();
    } catch (...) {
      error = std::current_exception();
    }
    inside_parallel_for = outer;
    task.body = {};
    lock.lock();
    task.error = error;
    task.progress = Task::Work::Progress::kDone;
    task_done.notify_all();
  }

  void Work() {
    std::uint64_t seen = 0;
    const auto called = [&] { return round.load() != seen || posted_count.load() > 0; };
    for (;;) {
      WaitBriefly(patience, called);
      std::unique_lock lock(mutex);
      wake.wait(lock, called);
      if (stopping) return;
      if (!posted.empty()) {
        const std::shared_ptr<Task::Work> task = posted.front();
        Begin(*task);
        Finish(*task, lock);
        continue;
      }
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

ThreadPool::Task ThreadPool::Post(std::function<void()> work) {
  Task task;
  task.work_ = std::make_shared<Task::Work>(std::move(work), *state_);
  {
    const std::lock_guard lock(state_->mutex);
    state_->posted.push_back(task.work_);
    state_->posted_count = state_->posted.size();
  }
  state_->wake.notify_one();
  return task;
}

ThreadPool::Task::~Task() { Settle(true); }

ThreadPool::Task& ThreadPool::Task::operator=(Task&& other) noexcept {
  if (this == &other) return *this;
  Settle(true);
  work_ = std::move(other.work_);
  return *this;
}

void ThreadPool::Task::Settle(bool drop) noexcept {
  if (work_ == nullptr) return;
  State& pool = work_->pool;
  std::unique_lock lock(pool.mutex);
  if (work_->progress == Work::Progress::kPosted) {
    pool.Begin(*work_);
    if (!drop) pool.Finish(*work_, lock);
    return;
  }
  pool.task_done.wait(lock, [&] { return work_->progress == Work::Progress::kDone; });
}

void ThreadPool::Task::Wait() {
  Settle(false);
  const std::shared_ptr<Work> done = std::exchange(work_, nullptr);
  if (done != nullptr && done->error) std::rethrow_exception(done->error);
}

}  // namespace fovea
