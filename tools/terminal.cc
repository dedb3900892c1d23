#include "tools/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "lib/text/utf8.h"
#include "tools/option_table.h"

namespace fovea::tools {
namespace {

bool IsSpace(char c) {
  return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

}  // namespace

bool IsTerminal(int descriptor) { return isatty(descriptor) == 1; }

std::size_t TerminalWidth(int descriptor) {
  std::int64_t width = 80;
  winsize size{};
  if (ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    width = size.ws_col;
  } else if (const char* columns = std::getenv("COLUMNS"); columns != nullptr) {
    width = ParseInteger(columns).value_or(width);
  }
  return static_cast<std::size_t>(std::clamp<std::int64_t>(width, 20, 1000));
}

std::size_t CountCharacters(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

std::vector<std::string> WrapText(std::string_view text, std::size_t width) {
  std::vector<std::string> lines(1);
  std::size_t used = 0;
  for (std::size_t at = 0; at < text.size();) {
    if (IsSpace(text[at])) {
      ++at;
      continue;
    }
    const std::size_t end = static_cast<std::size_t>(
        std::find_if(text.begin() + static_cast<std::ptrdiff_t>(at), text.end(), IsSpace) -
        text.begin());
    const std::string_view word = text.substr(at, end - at);
    const std::size_t length = CountCharacters(word);
    if (used > 0 && used + 1 + length > width) {
      lines.emplace_back();
      used = 0;
    }
    if (used > 0) {
      lines.back() += ' ';
      ++used;
    }
    lines.back() += word;
    used += length;
    at = end;
  }
  return lines;
}

std::string ForTerminal(std::string_view text) {
  std::string safe = EscapeInvalidUtf8(text);
  for (char& c : safe) {
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') || c == 0x7F) c = '?';
  }
  // U+0080 … U+009F (C1 controls: some terminals act on them) are C2 80 … C2 9F.
  for (std::size_t at = 0; at + 1 < safe.size(); ++at) {
    if (safe[at] == '\xC2' && static_cast<unsigned char>(safe[at + 1]) < 0xA0)
      safe.replace(at, 2, "?");
  }
  return safe;
}

Style::Style(bool on) : enabled(on) {
  if (!enabled) return;
  bold = "\033[1m";
  dim = "\033[2m";
  green = "\033[32m";
  cyan = "\033[36m";
  yellow = "\033[33m";
  reset = "\033[0m";
}

std::string Style::Shade(double share) const {
  if (!enabled) return "";
  // From no background over browns to gold, with black text once the background is light.
  static constexpr std::array<const char*, 8> kSteps = {"",
                                                        "\033[48;5;235m",
                                                        "\033[48;5;58m",
                                                        "\033[48;5;94m",
                                                        "\033[48;5;136m\033[30m",
                                                        "\033[48;5;178m\033[30m",
                                                        "\033[48;5;220m\033[30m",
                                                        "\033[48;5;226m\033[30m"};
  const double clipped = share > 0 ? std::min(share, 1.0) : 0.0;
  return kSteps[static_cast<std::size_t>(clipped * (kSteps.size() - 1) + 0.5)];
}

}  // namespace fovea::tools
