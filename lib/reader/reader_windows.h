// Passages as the reader's network takes them: `[CLS] title [SEP] text [SEP]`, a passage longer
// than the window in overlapping parts. With the title goes the innermost heading.

#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/byte_range.h"
#include "lib/text/document.h"
#include "lib/text/wordpiece.h"

namespace fovea {

// The longest answer, in tokens. Parts overlap by more than twice as much, so that every answer
// lies whole in the part that its first token belongs to.
inline constexpr std::size_t kLongestAnswerTokens = 30;

struct ReaderWindow {
  std::size_t passage = 0;        // index into the passages read
  std::vector<TokenId> tokens;    // [CLS] (title [SEP]) text [SEP]
  std::size_t text = 1;           // the text's first token here
  std::vector<ByteRange> ranges;  // of the text's tokens here: bytes of the passage's text
  // Tokens of the text, counted from `text`, that belong to this window: with those of the other
  // windows, every token of the passage once.
  std::size_t own_begin = 0;
  std::size_t own_end = 0;
};

// "title > heading", of headings the innermost: the later passages of a section do not repeat it.
// One of them where the other is missing or the same.
std::string TitleAndHeading(std::string_view title, std::string_view heading);

// What stands in front of a passage's text in a window of `max_tokens`: [CLS], or [CLS] title
// [SEP]. A title is cut at 32 tokens, and at half the window.
std::vector<TokenId> WindowFront(const WordPiece& tokenizer, std::string_view title,
                                 std::size_t max_tokens);

// The windows of passage `number` of those read, each of at most `max_tokens` tokens (at least 8).
// A text without tokens has no window.
std::vector<ReaderWindow> SplitIntoWindows(const WordPiece& tokenizer, const Passage& passage,
                                           std::size_t number, std::size_t max_tokens);

}  // namespace fovea
