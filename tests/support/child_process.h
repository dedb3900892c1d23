// A piece of a test in a process of its own, which may die.

#pragma once

#include <grp.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <functional>

#include "lib/base/error.h"

namespace fovea::test {

// Ends of children, beyond what they do themselves.
inline constexpr int kChildThrew = 98;

// Forks; the child runs `body`, then exits with what it returns, running no destructor of the
// parent's. Gives the child's id.
inline pid_t Spawn(const std::function<int()>& body) {
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child != 0) return child;
  int status = kChildThrew;
  try {
    status = body();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "child: %s\n", error.what());
  }
  std::fflush(nullptr);
  _exit(status);
}

// The exit status, or 256 + the signal that killed it.
inline int Wait(pid_t child) {
  int status = 0;
  if (waitpid(child, &status, 0) != child) return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

inline int RunInChild(const std::function<int()>& body) { return Wait(Spawn(body)); }

// Becomes a user that may not write where permissions forbid it: they do not bind root. For
// children only.
inline void BecomeOrdinaryUser() {
  if (geteuid() != 0) return;
  constexpr uid_t kNobody = 65534;
  if (setgroups(0, nullptr) != 0 || setegid(kNobody) != 0 || seteuid(kNobody) != 0) {
    throw Error(ErrorCode::kIo, "cannot drop root's rights");
  }
}

}  // namespace fovea::test
