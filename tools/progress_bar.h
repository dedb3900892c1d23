// Progress of a long call on stderr: a bar with rate and time left on a terminal, one line per 10 %
// elsewhere.
//
// Not thread-safe: Messages serialises the calls.

#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "lib/base/callbacks.h"

namespace fovea::tools {

class ProgressBar {
 public:
  enum class Form { kNone, kLines, kBar };
  using Clock = std::chrono::steady_clock;
  using Sink = std::function<void(std::string_view)>;

  // `sink` receives what is to be written; `width` is that of the terminal.
  ProgressBar(Form form, std::size_t width, Sink sink);

  void Update(const Progress& progress, Clock::time_point now = Clock::now());
  // Takes the bar off the screen, so that a message can be written; the next Update draws it again.
  void Clear();

 private:
  std::string Line(const Progress& progress, double seconds) const;
  void Draw(const Progress& progress, Clock::time_point now);
  void Say(const Progress& progress, Clock::time_point now);

  Form form_;
  std::size_t width_;
  Sink sink_;
  std::string stage_;
  Clock::time_point started_{};   // of the stage
  std::uint64_t first_done_ = 0;  // when the stage was first seen: the rate counts from there
  Clock::time_point drawn_{};
  bool visible_ = false;
  std::uint64_t tenths_said_ = 0;
};

// "0:07", "12:30", "1:02:03"
std::string FormatDuration(double seconds);
// Three digits or so: "0.52", "7.1", "88", "12400"
std::string FormatRate(double per_second);

}  // namespace fovea::tools
