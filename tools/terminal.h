// What the program needs to know about a terminal: its width, whether it takes colours, and how
// text wraps in it.

#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace fovea::tools {

// Whether the file descriptor is a terminal.
bool IsTerminal(int descriptor);

// Columns of the terminal behind the descriptor, else $COLUMNS, else 80; at least 20.
std::size_t TerminalWidth(int descriptor);

// Characters (code points) of valid UTF-8.
std::size_t CountCharacters(std::string_view text);

// Words of `text` in lines of at most `width` characters; white space of any kind separates words,
// a longer word stands alone. No words: one empty line.
std::vector<std::string> WrapText(std::string_view text, std::size_t width);

// `text` (any bytes) made safe to show: ill-formed UTF-8 escaped, control characters other than tab
// and line feed shown as "?", so that a document cannot send escape sequences to the terminal.
std::string ForTerminal(std::string_view text);

// ANSI styles; every one is "" when `enabled` is false.
struct Style {
  explicit Style(bool enabled);
  std::string_view bold, dim, green, cyan, yellow, reset;
  // Background that grows brighter with share 0 … 1 (8 steps of the 256-colour grey-to-gold ramp);
  // "" when not enabled.
  std::string Shade(double share) const;
  bool enabled;
};

}  // namespace fovea::tools
