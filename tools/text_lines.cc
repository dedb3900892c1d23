#include "tools/text_lines.h"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "lib/base/error.h"
#include "lib/base/file.h"

namespace fovea::tools {
namespace {

constexpr int kPollMilliseconds = 100;

std::string ReadInput(const std::stop_token& stop) {
  std::string text;
  std::array<char, 1 << 16> buffer;
  while (const std::size_t count = ReadSomeInput(buffer, stop)) text.append(buffer.data(), count);
  return text;
}

}  // namespace

std::size_t ReadSomeInput(std::span<char> buffer, const std::stop_token& stop) {
  for (;;) {
    // Waits in small steps, so that Ctrl-C is seen whichever thread took the signal.
    pollfd input{STDIN_FILENO, POLLIN, 0};
    const int ready = poll(&input, 1, kPollMilliseconds);
    if (stop.stop_requested()) throw Error(ErrorCode::kCancelled, "stopped");
    if (ready == 0 || (ready < 0 && errno == EINTR)) continue;
    const ssize_t count = read(STDIN_FILENO, buffer.data(), buffer.size());
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (count < 0) {
      throw Error(ErrorCode::kIo,
                  "cannot read standard input: " + std::generic_category().message(errno));
    }
    return static_cast<std::size_t>(count);
  }
}

std::vector<std::string_view> SplitLines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    lines.push_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return lines;
}

bool IsBlank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n\f\v") == std::string_view::npos;
}

std::string ReadFileOrInput(const std::string& file, const std::stop_token& stop) {
  return file == "-" ? ReadInput(stop) : ReadFile(file);
}

std::string JoinWords(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

}  // namespace fovea::tools
