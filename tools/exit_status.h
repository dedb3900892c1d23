// Exit statuses of the program, as docs/commands promise them.

#pragma once

namespace fovea::tools {

enum ExitStatus : int {
  kDone = 0,      // Also: nothing found, abstained, some files skipped and reported.
  kFailed = 1,    // The message on stderr says what to do.
  kUsage = 2,     // Wrong usage.
  kStopped = 130  // Ctrl-C; what was committed stays.
};

}  // namespace fovea::tools
