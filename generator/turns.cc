#include "generator/turns.h"

#include <algorithm>
#include <array>

#include "lib/base/ascii.h"

namespace fovea {
namespace {

constexpr std::array<std::string_view, 8> kMarkers = {
    "<start_of_turn>", "<end_of_turn>", "[INST]",           "[/INST]",
    "<<SYS>>",         "<</SYS>>",      "### Instruction:", "### Response:"};
constexpr std::string_view kModelRole = "Assistant:";
constexpr std::array<std::string_view, 4> kRoles = {kModelRole, "User:", "Human:", "System:"};

constexpr std::string_view kSpace = " \t\r\f\v";
// What may stand before a marker that begins a line: quotations, comments, list items.
constexpr std::string_view kOpening = " \t\r\f\v\"'`>*-/;#";

std::string_view Trim(std::string_view line, std::string_view left) {
  line.remove_prefix(std::min(line.find_first_not_of(left), line.size()));
  const std::size_t end = line.find_last_not_of(kSpace);
  return line.substr(0, end == std::string_view::npos ? 0 : end + 1);
}

// "<|im_start|>": a name of letters, digits and underscores.
bool IsControlName(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return IsAsciiAlpha(c) || IsAsciiDigit(c) || c == '_';
  });
}

bool BeginsWithControl(std::string_view line) {
  if (!line.starts_with("<|")) return false;
  const std::size_t end = line.find("|>");
  return end != std::string_view::npos && IsControlName(line.substr(2, end - 2));
}

bool EndsWithControl(std::string_view line) {
  if (line.ends_with("<end_of_turn>")) return true;
  if (!line.ends_with("|>")) return false;
  const std::size_t begin = line.rfind("<|");
  return begin != std::string_view::npos &&
         IsControlName(line.substr(begin + 2, line.size() - begin - 4));
}

template <std::size_t N>
bool BeginsWithOneOf(std::string_view line, const std::array<std::string_view, N>& markers) {
  return std::any_of(markers.begin(), markers.end(),
                     [&](std::string_view marker) { return line.starts_with(marker); });
}

// Where the first line is that `is_marked` accepts, and the line.
template <typename Marked>
std::optional<std::pair<std::size_t, std::string_view>> FindLine(std::string_view text,
                                                                 const Marked& is_marked) {
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = text.substr(begin, end - begin);
    if (is_marked(line)) return std::pair(begin, line);
    begin = end + 1;
  }
  return std::nullopt;
}

}  // namespace

std::optional<ByteRange> FindTurns(std::string_view text) {
  const bool has_roles = FindLine(text, [](std::string_view line) {
                           return Trim(line, kOpening).starts_with(kModelRole);
                         }).has_value();
  const auto begins = [&](std::string_view line) {
    const std::string_view inner = Trim(line, kOpening);
    return BeginsWithControl(inner) || BeginsWithOneOf(Trim(line, kSpace), kMarkers) ||
           BeginsWithOneOf(inner, kMarkers) || (has_roles && BeginsWithOneOf(inner, kRoles));
  };
  const auto found = FindLine(text, [&](std::string_view line) {
    return begins(line) || EndsWithControl(Trim(line, kSpace));
  });
  if (!found) return std::nullopt;
  return ByteRange{begins(found->second) ? found->first : 0, text.size()};
}

}  // namespace fovea
