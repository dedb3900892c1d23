#include "lib/reader/reader_windows.h"

#include <algorithm>
#include <string>

namespace fovea {
namespace {

constexpr std::size_t kTitleTokens = 32;
constexpr std::size_t kOverlapTokens = 2 * kLongestAnswerTokens + 4;

}  // namespace

std::string TitleAndHeading(std::string_view title, std::string_view heading) {
  const std::size_t outer = heading.rfind(kHeadingSeparator);
  if (outer != heading.npos) heading.remove_prefix(outer + kHeadingSeparator.size());
  std::string both(title);
  if (heading.empty() || heading == title) return both;
  if (!title.empty()) both += kHeadingSeparator;
  return both.append(heading);
}

std::vector<TokenId> WindowFront(const WordPiece& tokenizer, std::string_view title,
                                 std::size_t max_tokens) {
  std::vector<TokenId> front = tokenizer.EncodeIds(title);
  const std::size_t longest = std::min(kTitleTokens, max_tokens / 2 - 2) + 2;
  if (front.size() > longest) {
    front.resize(longest);
    front.back() = tokenizer.sep();
  }
  if (front.size() <= 2) front.resize(1);
  return front;
}

std::vector<ReaderWindow> SplitIntoWindows(const WordPiece& tokenizer, const Passage& passage,
                                           std::size_t number, std::size_t max_tokens) {
  const std::vector<TokenId> front =
      WindowFront(tokenizer, TitleAndHeading(passage.title, passage.heading), max_tokens);
  const Encoding encoding = tokenizer.Encode(passage.text);  // with [CLS] and [SEP]
  const std::size_t count = encoding.ids.size() - 2;
  if (count == 0) return {};
  const std::size_t size = std::min(count, max_tokens - front.size() - 1);
  const std::size_t overlap = std::min(kOverlapTokens, size / 2);
  const std::size_t parts =
      count == size ? 1 : 1 + (count - size + size - overlap - 1) / (size - overlap);
  // Parts are spread evenly; what two of them share is divided in its middle.
  const auto first = [&](std::size_t part) {
    return parts == 1 ? 0 : part * (count - size) / (parts - 1);
  };
  const auto border = [&](std::size_t part) {
    if (part == 0) return std::size_t{0};
    return part == parts ? count : (first(part) + first(part - 1) + size) / 2;
  };
  std::vector<ReaderWindow> windows(parts);
  for (std::size_t part = 0; part < parts; ++part) {
    ReaderWindow& window = windows[part];
    window.passage = number;
    window.tokens = front;
    window.text = front.size();
    const auto begin = static_cast<std::ptrdiff_t>(1 + first(part));
    const auto end = begin + static_cast<std::ptrdiff_t>(size);
    window.tokens.insert(window.tokens.end(), encoding.ids.begin() + begin,
                         encoding.ids.begin() + end);
    window.tokens.push_back(tokenizer.sep());
    window.ranges.assign(encoding.ranges.begin() + begin, encoding.ranges.begin() + end);
    window.own_begin = border(part) - first(part);
    window.own_end = border(part + 1) - first(part);
  }
  return windows;
}

}  // namespace fovea
