// Standard input line by line, as somebody types it.

#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

namespace fovea::tools {

class LineReader {
 public:
  struct Line {
    std::string text;       // without its end ("\n" or "\r\n"); empty if it was too long
    bool too_long = false;  // Its bytes were passed over.
  };

  // `most_bytes`: of a line.
  explicit LineReader(std::size_t most_bytes) : most_bytes_(most_bytes) {}
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;

  // The next line, for which it waits; nullopt at the end of the input. A last line needs no "\n".
  // Throws Error(kIo), Error(kCancelled) on `stop`.
  std::optional<Line> Next(const std::stop_token& stop);

 private:
  std::size_t most_bytes_;
  std::array<char, 1 << 12> buffer_{};
  std::string_view unread_;  // of buffer_
};

}  // namespace fovea::tools
