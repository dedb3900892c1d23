#include "generator/announced.h"

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>

#include "generator/grounding.h"
#include "lib/text/sentences.h"

namespace fovea {
namespace {

// Spaces before the byte at `begin` in its line; nullopt where something else stands there.
std::optional<std::size_t> Indent(std::string_view text, std::size_t begin) {
  const std::size_t line = text.substr(0, begin).find_last_of("\r\n") + 1;
  const std::string_view before = text.substr(line, begin - line);
  if (before.find_first_not_of(" \t") != std::string_view::npos) return std::nullopt;
  return before.size();
}

// Of the sentences behind `sentence`, which ends with a colon.
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
  if (!mere_item && !spelt.ends_with(':')) return std::nullopt;
  const std::vector<ByteRange> sentences = SplitSentences(text);
  for (const ByteRange& announcer : sentences) {
    const bool itself = announcer == sentence;
    if (!Slice(text, announcer).ends_with(':') || !(itself || mere_item)) continue;
    std::vector<ByteRange> parts = PartsBehind(text, sentences, announcer);
    const bool among = std::any_of(parts.begin(), parts.end(),
                                   [&](const ByteRange& part) { return part.end == sentence.end; });
    if (!parts.empty() && (itself || among)) return Announcement{announcer, std::move(parts)};
  }
  return std::nullopt;
}

}  // namespace fovea
