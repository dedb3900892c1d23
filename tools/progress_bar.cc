#include "tools/progress_bar.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

namespace fovea::tools {
namespace {

constexpr auto kRedrawEvery = std::chrono::milliseconds(100);

std::string TwoDigits(std::int64_t value) {
  return (value < 10 ? "0" : "") + std::to_string(value);
}

}  // namespace

std::string FormatDuration(double seconds) {
  const auto whole = static_cast<std::int64_t>(std::llround(std::clamp(seconds, 0.0, 3.6e8)));
  const std::int64_t hours = whole / 3600;
  const std::int64_t minutes = whole / 60 % 60;
  if (hours == 0) return std::to_string(minutes) + ":" + TwoDigits(whole % 60);
  return std::to_string(hours) + ":" + TwoDigits(minutes) + ":" + TwoDigits(whole % 60);
}

std::string FormatRate(double per_second) {
  const int decimals = per_second >= 10 ? 0 : per_second >= 1 ? 1 : 2;
  std::array<char, 64> digits;
  const double clipped = std::isfinite(per_second) ? std::clamp(per_second, 0.0, 1e15) : 0.0;
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), clipped,
                                          std::chars_format::fixed, decimals);
  return std::string(digits.data(), end);
}

ProgressBar::ProgressBar(Form form, std::size_t width, Sink sink)
    : form_(form), width_(width), sink_(std::move(sink)) {}

void ProgressBar::Update(const Progress& progress, Clock::time_point now) {
  if (form_ == Form::kNone) return;
  if (progress.stage != stage_ || progress.done < first_done_) {
    Clear();
    stage_ = progress.stage;
    started_ = now;
    first_done_ = progress.done;
    tenths_said_ = 0;
  }
  if (form_ == Form::kBar) {
    Draw(progress, now);
  } else {
    Say(progress, now);
  }
}

void ProgressBar::Draw(const Progress& progress, Clock::time_point now) {
  const bool complete = progress.total > 0 && progress.done >= progress.total;
  if (visible_ && !complete && now - drawn_ < kRedrawEvery) return;
  const std::string numbers = Line(progress, std::chrono::duration<double>(now - started_).count());
  std::string text = "\r" + stage_ + " ";
  if (progress.total > 0) {
    const std::size_t taken = stage_.size() + numbers.size() + 5;
    const std::size_t cells = width_ > taken + 4 ? std::min<std::size_t>(width_ - taken, 40) : 0;
    const double share =
        std::min(1.0, static_cast<double>(progress.done) / static_cast<double>(progress.total));
    const auto full = static_cast<std::size_t>(share * static_cast<double>(cells));
    if (cells > 0) text += "[" + std::string(full, '#') + std::string(cells - full, ' ') + "] ";
  }
  sink_(text + numbers + "\033[K");
  visible_ = true;
  drawn_ = now;
}

void ProgressBar::Say(const Progress& progress, Clock::time_point now) {
  if (progress.total == 0) return;
  const std::uint64_t tenths = std::min<std::uint64_t>(
      10, static_cast<std::uint64_t>(10.0 * static_cast<double>(progress.done) /
                                     static_cast<double>(progress.total)));
  if (tenths <= tenths_said_) return;
  tenths_said_ = tenths;
  sink_(stage_ + ": " + Line(progress, std::chrono::duration<double>(now - started_).count()) +
        "\n");
}

void ProgressBar::Clear() {
  if (!visible_) return;
  sink_("\r\033[K");
  visible_ = false;
}

std::string ProgressBar::Line(const Progress& progress, double seconds) const {
  std::string text;
  if (progress.total > 0) {
    const double percent =
        100.0 * static_cast<double>(progress.done) / static_cast<double>(progress.total);
    text = std::to_string(static_cast<int>(std::min(percent, 100.0))) + " %  " +
           std::to_string(progress.done) + "/" + std::to_string(progress.total);
  } else {
    text = std::to_string(progress.done);
  }
  const double rate = seconds > 0 ? static_cast<double>(progress.done - first_done_) / seconds : 0;
  if (rate > 0) {
    text += "  " + FormatRate(rate) + "/s";
    if (progress.total > progress.done) {
      text += "  " + FormatDuration(static_cast<double>(progress.total - progress.done) / rate) +
              " left";
    }
  }
  return text;
}

}  // namespace fovea::tools
