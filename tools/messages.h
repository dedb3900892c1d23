// Everything the program says on stderr: log lines, warnings and the progress bar, without one
// tearing the other.
//
// Thread-safe.

#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "lib/base/callbacks.h"
#include "tools/progress_bar.h"

namespace spdlog {
class logger;
}

namespace fovea::tools {

class Messages {
 public:
  // log_level: "debug", "info", "warn", "error" or "off". Progress is drawn unless `quiet`.
  Messages(const std::string& log_level, bool quiet);
  ~Messages();

  void Log(LogLevel level, std::string_view message);
  // A line whatever the level.
  void Tell(std::string_view message);
  void Report(const Progress& progress);
  // Takes the bar off the screen: before results are written and at the end.
  void ClearProgress();

 private:
  std::mutex mutex_;
  ProgressBar bar_;
  std::shared_ptr<spdlog::logger> logger_;
};

}  // namespace fovea::tools
