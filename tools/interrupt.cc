#include "tools/interrupt.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <system_error>

namespace fovea::tools {
namespace {

// request_stop() may not be called in a signal handler: the handler writes a byte into a pipe, a
// thread reads it.
int g_pipe[2] = {-1, -1};
// Lock-free, as what a handler and a thread share must be.
std::atomic<int> g_signal = 0;
static_assert(std::atomic<int>::is_always_lock_free);

void OnSignal(int number) {
  const int kept = errno;
  if (g_signal != 0) _exit(128 + number);
  g_signal = number;
  const char stop = 's';
  [[maybe_unused]] const ssize_t written = write(g_pipe[1], &stop, 1);
  errno = kept;
}

char ReadByte() {
  char byte = 'q';
  while (read(g_pipe[0], &byte, 1) < 0 && errno == EINTR) {
  }
  return byte;
}

}  // namespace

Interrupt::Interrupt() {
  if (pipe2(g_pipe, O_CLOEXEC) != 0)
    throw std::system_error(errno, std::generic_category(), "pipe");
  g_signal = 0;
  watcher_ = std::thread([this] {
    while (ReadByte() == 's') {
      const std::lock_guard lock(mutex_);
      // Its signal may have been resumed from before this thread came to it.
      if (g_signal != 0) source_.request_stop();
    }
  });
  struct sigaction action {};
  action.sa_handler = OnSignal;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, &former_int_);
  sigaction(SIGTERM, &action, &former_term_);
  action.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &action, &former_pipe_);
}

Interrupt::~Interrupt() {
  sigaction(SIGINT, &former_int_, nullptr);
  sigaction(SIGTERM, &former_term_, nullptr);
  sigaction(SIGPIPE, &former_pipe_, nullptr);
  const char quit = 'q';
  [[maybe_unused]] const ssize_t written = write(g_pipe[1], &quit, 1);
  watcher_.join();
  close(g_pipe[0]);
  close(g_pipe[1]);
}

std::stop_token Interrupt::token() const {
  const std::lock_guard lock(mutex_);
  return source_.get_token();
}

int Interrupt::signal_received() const { return g_signal; }

bool Interrupt::Resume() {
  const std::lock_guard lock(mutex_);
  if (g_signal != SIGINT) return false;
  source_ = std::stop_source();
  g_signal = 0;
  return true;
}

}  // namespace fovea::tools
