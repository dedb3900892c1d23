#include "tools/messages.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include "tools/terminal.h"

namespace fovea::tools {
namespace {

void WriteToStderr(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(STDERR_FILENO, text.data(), text.size());
    if (written <= 0) return;  // Nowhere left to say so.
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

ProgressBar::Form FormFor(bool quiet) {
  if (quiet) return ProgressBar::Form::kNone;
  return IsTerminal(STDERR_FILENO) ? ProgressBar::Form::kBar : ProgressBar::Form::kLines;
}

spdlog::level::level_enum SpdlogLevel(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      break;
  }
  return spdlog::level::err;
}

}  // namespace

Messages::Messages(const std::string& log_level, bool quiet)
    : bar_(FormFor(quiet), TerminalWidth(STDERR_FILENO), WriteToStderr),
      logger_(std::make_shared<spdlog::logger>(
          "fovea", std::make_shared<spdlog::sinks::stderr_color_sink_mt>())) {
  logger_->set_pattern("fovea: %^%l%$: %v");
  logger_->set_level(spdlog::level::from_str(log_level));
  logger_->flush_on(spdlog::level::debug);
}

Messages::~Messages() { ClearProgress(); }

void Messages::Log(LogLevel level, std::string_view message) {
  const std::lock_guard lock(mutex_);
  const auto wanted = SpdlogLevel(level);
  if (!logger_->should_log(wanted)) return;
  bar_.Clear();
  logger_->log(wanted, "{}", ForTerminal(message));
}

void Messages::Tell(std::string_view message) {
  const std::lock_guard lock(mutex_);
  bar_.Clear();
  WriteToStderr(ForTerminal(message) + "\n");
}

void Messages::Report(const Progress& progress) {
  const std::lock_guard lock(mutex_);
  bar_.Update(progress);
}

void Messages::ClearProgress() {
  const std::lock_guard lock(mutex_);
  bar_.Clear();
}

}  // namespace fovea::tools
