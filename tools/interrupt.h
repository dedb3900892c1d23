// Ctrl-C and SIGTERM as a std::stop_token.
//
// The first signal asks the running call to stop, so that it commits or undoes what it holds; a
// second one ends the process at once, unless the first was resumed from. One object at a time;
// SIGPIPE is ignored during its life (writes then fail with EPIPE). The former handlers come back
// at its end.

#pragma once

#include <signal.h>

#include <mutex>
#include <stop_token>
#include <thread>

namespace fovea::tools {

class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  // Of the calls from now on, or since the last Resume.
  std::stop_token token() const;
  // 0, or the signal that asked to stop.
  int signal_received() const;
  // A program that goes on after Ctrl-C says so: the next signal is a first one again, under a new
  // token. False where there was none to resume from, or it was SIGTERM, which always ends.
  bool Resume();

 private:
  mutable std::mutex mutex_;
  std::stop_source source_;  // under mutex_
  struct sigaction former_int_ {};
  struct sigaction former_term_ {};
  struct sigaction former_pipe_ {};
  std::thread watcher_;
};

}  // namespace fovea::tools
