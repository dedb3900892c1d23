// How a long call tells its caller what it does. Libraries never print: they call these.
//
// Callbacks run on whichever thread has something to say, one at a time per object that holds them; they
// must not call back into that object. An empty std::function is allowed everywhere.

#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

namespace fovea {

struct Progress {
  std::string_view stage;  // "reading", "embedding", …; lives only during the call.
  std::uint64_t done = 0;
  std::uint64_t total = 0;  // 0: not known yet.
};
using ProgressCallback = std::function<void(const Progress&)>;

enum class LogLevel { kDebug, kInfo, kWarning, kError };
using LogCallback = std::function<void(LogLevel, std::string_view message)>;

}  // namespace fovea
