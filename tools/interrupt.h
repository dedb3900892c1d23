// Ctrl-C and SIGTERM as a std::stop_token.
//
// The first signal asks the running call to stop, so that it commits or undoes what it holds; a
// second one ends the process at once. One object at a time; SIGPIPE is ignored during its life
// (writes then fail with EPIPE). The former handlers come back at its end.

#pragma once

#include <signal.h>

#include <stop_token>
#include <thread>

namespace fovea::tools {

class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  std::stop_token token() const { return source_.get_token(); }
  // 0, or the signal that asked to stop.
  int signal_received() const;

 private:
  std::stop_source source_;
  struct sigaction former_int_ {};
  struct sigaction former_term_ {};
  struct sigaction former_pipe_ {};
  std::thread watcher_;
};

}  // namespace fovea::tools
