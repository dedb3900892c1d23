#include "generator/announced.h"

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>

#include "generator/grounding.h"
#include "generator/words.h"
#include "lib/base/ascii.h"
#include "lib/text/sentences.h"

namespace fovea {
namespace {

constexpr std::string_view kSpace = " \t\r\n";

std::size_t LineBegin(std::string_view text, std::size_t at) {
  return text.substr(0, at).find_last_of("\r\n") + 1;
}

// Spaces before the byte at `begin` in its line; nullopt where something else stands there.
std::optional<std::size_t> Indent(std::string_view text, std::size_t begin) {
  const std::size_t line = LineBegin(text, begin);
  const std::string_view before = text.substr(line, begin - line);
  if (before.find_first_not_of(" \t") != std::string_view::npos) return std::nullopt;
  return before.size();
}

// Of white space: whether an empty line is in it.
bool HoldsBlankLine(std::string_view space) {
  return std::count(space.begin(), space.end(), '\n') >= 2;
}

// A paragraph of its own that begins as a title does and ends no sentence. `sentence` may lack the
// section's number, which is one by itself ("4.11. The json_valid() function").
bool IsHeading(std::string_view text, ByteRange sentence) {
  constexpr int kWordsOfAHeading = 12;
  const std::string_view spelt = Slice(text, sentence);
  const std::size_t line = LineBegin(text, sentence.begin);
  const std::string_view number = text.substr(line, sentence.begin - line);
  if (number.find_first_not_of(" \t.0123456789") != number.npos || ListMarker(spelt) > 0)
    return false;
  const bool begins_like_one = IsAsciiUpper(spelt.front()) || HoldsDigit(number);
  const bool ends_a_sentence = std::string_view(".?!:;,").find(spelt.back()) != text.npos;
  if (!begins_like_one || ends_a_sentence || CountWords(spelt) > kWordsOfAHeading) return false;
  const std::size_t before = text.substr(0, line).find_last_not_of(kSpace);
  const bool announced = before != text.npos && text[before] == ':';
  const bool alone = before == text.npos || HoldsBlankLine(text.substr(before, line - before));
  const std::string_view behind = text.substr(sentence.end);
  return alone && !announced && HoldsBlankLine(behind.substr(0, behind.find_first_not_of(kSpace)));
}

// Of the sentences behind `sentence`, which ends with a colon or is a heading.
std::vector<ByteRange> PartsBehind(std::string_view text, std::span<const ByteRange> sentences,
                                   ByteRange sentence) {
  std::vector<ByteRange> parts;
  std::optional<std::size_t> list;  // how far its items are indented
  for (ByteRange next : sentences) {
    if (next.begin < sentence.end) continue;
    const std::optional<std::size_t> indent = Indent(text, next.begin);
    const std::size_t marker = ListMarker(Slice(text, next));
    if (parts.empty()) {
      list = marker > 0 ? indent : std::nullopt;
    } else if (!indent || *indent > *list) {
      continue;  // more of the same item
    } else if (*indent < *list || marker == 0) {
      break;
    }
    next.begin += marker;
    parts.push_back(next);
    if (!list) break;
  }
  return parts;
}

}  // namespace

std::optional<Announcement> AnnouncementOf(std::string_view text, ByteRange sentence) {
  constexpr int kWordsOfAMereItem = 3;
  const std::string_view spelt = Slice(text, sentence);
  const std::size_t marker = ListMarker(spelt);
  const bool mere_item = marker > 0 && CountWords(spelt.substr(marker)) <= kWordsOfAMereItem;
  const bool heading = IsHeading(text, sentence);
  const bool announces = heading || spelt.ends_with(':');
  if (!mere_item && !announces) return std::nullopt;
  const std::vector<ByteRange> sentences = SplitSentences(text);
  for (const ByteRange& announcer : sentences) {
    const bool itself = announcer == sentence;
    if (!(itself ? announces : mere_item && Slice(text, announcer).ends_with(':'))) continue;
    std::vector<ByteRange> parts = PartsBehind(text, sentences, announcer);
    if (heading && !parts.empty() && IsHeading(text, parts.front())) return std::nullopt;
    const bool among = std::any_of(parts.begin(), parts.end(),
                                   [&](const ByteRange& part) { return part.end == sentence.end; });
    if (!parts.empty() && (itself || among)) return Announcement{announcer, std::move(parts)};
  }
  return std::nullopt;
}

}  // namespace fovea
