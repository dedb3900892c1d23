#include "retriever/chunker.h"

#include <algorithm>
#include <cstdint>
#include <string>

#include "lib/base/ascii.h"
#include "lib/base/error.h"
#include "lib/text/sentences.h"
#include "lib/text/utf8.h"
#include "retriever/loader_text.h"

namespace fovea {
namespace {

constexpr std::string_view kSpace = " \t\n\v\f\r";

// The smallest unit that chunks are put together from.
struct Unit {
  ByteRange range;
  int tokens = 0;
  bool whole = true;  // a whole sentence, not a part of a long one
};

// The letters and digits of a text: what is left of "## 1. Partial *indexes*" and of its heading
// alike.
std::string Letters(std::string_view text) {
  std::string letters;
  for (const char c : text) {
    if (IsWordByte(c)) letters += AsciiLower(c);
  }
  return letters;
}

std::string JoinHeadings(const std::vector<std::string>& path) {
  std::string joined;
  for (const std::string& heading : path) {
    if (!joined.empty()) joined += kHeadingSeparator;
    joined += heading;
  }
  return joined;
}

// A heading without text of its own that is no loss: the section that follows names it, or it
// stands above the document's first heading with text (a site's name above the page's).
bool IsBareHeading(const Document& document, std::size_t index, ByteRange range) {
  if (index + 1 >= document.sections.size()) return false;
  const auto& path = document.sections[index].heading_path;
  const auto& next = document.sections[index + 1].heading_path;
  if (path.empty()) return false;
  const bool carried =
      next.size() > path.size() && std::equal(path.begin(), path.end(), next.begin());
  const bool first = index == 0 || TrimText(document.text, {0, range.begin}).empty();
  if (!carried && !first) return false;
  // Markup around a heading is short; a long section need not be compared.
  if (range.size() > 4 * path.back().size() + 64) return false;
  return Letters(Slice(document.text, range)) == Letters(path.back());
}

class SectionChunker {
 public:
  SectionChunker(std::string_view text, const WordPiece& tokenizer, const ChunkerOptions& options,
                 std::string heading, std::vector<Chunk>& chunks)
      : text_(text),
        tokenizer_(tokenizer),
        options_(options),
        max_bytes_(static_cast<std::size_t>(options.chunk_tokens) * kMaxBytesPerToken),
        heading_(std::move(heading)),
        chunks_(chunks) {}

  void Run(ByteRange range) {
    for (const ByteRange sentence : SplitSentences(Slice(text_, range))) {
      AddSentence({range.begin + sentence.begin, range.begin + sentence.end});
    }
    if (has_new_) Flush();
  }

 private:
  bool Fits(int tokens, std::size_t bytes) const {
    return tokens <= options_.chunk_tokens && bytes <= max_bytes_;
  }

  void AddSentence(ByteRange range) {
    // A sentence of more bytes than any chunk may hold is not tokenised in one go.
    if (range.size() <= max_bytes_) {
      const int tokens = tokenizer_.Count(Slice(text_, range));
      if (tokens <= options_.chunk_tokens) return Add({range, tokens, true});
    }
    CutSentence(range);
  }

  // Whole words up to the limits.
  void CutSentence(ByteRange range) {
    Unit part{{range.begin, range.begin}, 0, false};
    const auto flush_part = [&] {
      if (!part.range.empty()) Add(part);
      part = {{range.end, range.end}, 0, false};
    };
    for (std::size_t at = range.begin; at < range.end;) {
      const std::size_t begin = std::min(text_.find_first_not_of(kSpace, at), range.end);
      if (begin >= range.end) break;
      const std::size_t end = std::min(text_.find_first_of(kSpace, begin), range.end);
      at = end;
      const int tokens =
          end - begin <= max_bytes_ ? tokenizer_.Count(Slice(text_, {begin, end})) : -1;
      if (tokens < 0 || tokens > options_.chunk_tokens) {
        flush_part();
        CutWord({begin, end});
        part = {{end, end}, 0, false};
        continue;
      }
      if (part.range.empty()) part.range = {begin, begin};
      if (!Fits(part.tokens + tokens, end - part.range.begin)) {
        flush_part();
        part.range = {begin, begin};
      }
      part.range.end = end;
      part.tokens += tokens;
    }
    flush_part();
  }

  // Characters up to the limits. The window to tokenise grows from a guess, so that work is linear.
  void CutWord(ByteRange range) {
    while (!range.empty()) {
      std::size_t window = static_cast<std::size_t>(options_.chunk_tokens) * 4;
      std::size_t end = WindowEnd(range, window);
      int tokens = tokenizer_.Count(Slice(text_, {range.begin, end}));
      while (tokens <= options_.chunk_tokens && end < range.end && window < max_bytes_) {
        window = std::min(2 * window, max_bytes_);
        end = WindowEnd(range, window);
        tokens = tokenizer_.Count(Slice(text_, {range.begin, end}));
      }
      if (tokens > options_.chunk_tokens) {
        end = EndOfTokens({range.begin, end});
        tokens = tokenizer_.Count(Slice(text_, {range.begin, end}));
      }
      while (tokens > options_.chunk_tokens) {
        const std::size_t half = FloorToCharacter(text_, range.begin + (end - range.begin) / 2);
        // One character of more tokens than a chunk may have stays whole.
        if (half <= range.begin) break;
        end = half;
        tokens = tokenizer_.Count(Slice(text_, {range.begin, end}));
      }
      Add({{range.begin, end}, tokens, false});
      range.begin = end;
    }
  }

  // At most `window` bytes on, at a character border past the begin.
  std::size_t WindowEnd(ByteRange range, std::size_t window) const {
    if (range.size() <= window) return range.end;
    const std::size_t end = FloorToCharacter(text_, range.begin + window);
    if (end > range.begin) return end;
    return range.begin + static_cast<std::size_t>(DecodeUtf8(text_, range.begin).length);
  }

  // Where the first chunk_tokens tokens of the range end, on a character border, past its begin.
  std::size_t EndOfTokens(ByteRange range) const {
    const Encoding encoding = tokenizer_.Encode(Slice(text_, range));
    int tokens = 0;
    for (const ByteRange token : encoding.ranges) {
      if (token.empty()) continue;
      if (++tokens < options_.chunk_tokens) continue;
      const std::size_t end = FloorToCharacter(text_, range.begin + token.end);
      if (end > range.begin) return end;
    }
    return range.end;
  }

  void Add(const Unit& unit) {
    if (!units_.empty() && !Fits(tokens_ + unit.tokens, unit.range.end - units_[0].range.begin)) {
      if (has_new_) Flush();
      // What is repeated gives way to what is new.
      while (!units_.empty() &&
             !Fits(tokens_ + unit.tokens, unit.range.end - units_[0].range.begin)) {
        tokens_ -= units_[0].tokens;
        units_.erase(units_.begin());
      }
    }
    units_.push_back(unit);
    tokens_ += unit.tokens;
    has_new_ = true;
  }

  // Emits the units as a chunk and keeps those that the next one repeats.
  void Flush() {
    Chunk chunk;
    chunk.range = {units_.front().range.begin, units_.back().range.end};
    chunk.heading = heading_;
    chunk.tokens = tokens_;
    chunks_.push_back(std::move(chunk));
    std::size_t kept = units_.size();
    int kept_tokens = 0;
    while (kept > 1 && units_[kept - 1].whole &&
           kept_tokens + units_[kept - 1].tokens <= options_.overlap_tokens) {
      kept_tokens += units_[--kept].tokens;
    }
    units_.erase(units_.begin(), units_.begin() + static_cast<std::ptrdiff_t>(kept));
    tokens_ = kept_tokens;
    has_new_ = false;
  }

  std::string_view text_;
  const WordPiece& tokenizer_;
  const ChunkerOptions& options_;
  const std::size_t max_bytes_;
  const std::string heading_;
  std::vector<Chunk>& chunks_;
  std::vector<Unit> units_;  // of the chunk being filled
  int tokens_ = 0;           // sum over units_
  bool has_new_ = false;     // units_ hold something that no chunk has yet
};

}  // namespace

void ChunkerOptions::validate() const {
  if (chunk_tokens < 0) {
    throw Error(ErrorCode::kInvalidArgument,
                "chunk_tokens is " + std::to_string(chunk_tokens) + "; it must be 0 or more");
  }
  if (overlap_tokens < 0 || (chunk_tokens > 0 && overlap_tokens >= chunk_tokens)) {
    throw Error(ErrorCode::kInvalidArgument,
                "overlap_tokens is " + std::to_string(overlap_tokens) +
                    "; it must be 0 or more and less than chunk_tokens (" +
                    std::to_string(chunk_tokens) + ")");
  }
}

std::vector<Chunk> ChunkDocument(const Document& document, const WordPiece& tokenizer,
                                 const ChunkerOptions& options) {
  options.validate();
  std::vector<Chunk> chunks;
  const std::string_view text = document.text;
  if (options.chunk_tokens == 0) {
    const ByteRange range = TrimText(text, {0, text.size()});
    if (!range.empty()) chunks.push_back({range, "", tokenizer.Count(Slice(text, range))});
    return chunks;
  }
  if (document.sections.empty()) {
    const ByteRange range = TrimText(text, {0, text.size()});
    SectionChunker(text, tokenizer, options, "", chunks).Run(range);
    return chunks;
  }
  for (std::size_t i = 0; i < document.sections.size(); ++i) {
    const Section& section = document.sections[i];
    const ByteRange range = TrimText(text, section.range);
    if (range.empty() || IsBareHeading(document, i, range)) continue;
    SectionChunker(text, tokenizer, options, JoinHeadings(section.heading_path), chunks).Run(range);
  }
  return chunks;
}

std::string ContextualText(std::string_view title, std::string_view heading,
                           std::string_view text) {
  std::string context;
  if (heading.empty()) {
    if (title.empty() || title == text) return std::string(text);
    context.append(title).append(" ").append(text);
    return context;
  }
  const bool repeated =
      heading.starts_with(title) && (heading.size() == title.size() ||
                                     heading.substr(title.size()).starts_with(kHeadingSeparator));
  if (!title.empty() && !repeated) context.append(title).append(kHeadingSeparator);
  context.append(heading).append("\n").append(text);
  return context;
}

}  // namespace fovea
