#include "lib/text/bert_words.h"

#include <algorithm>

#include "lib/base/ascii.h"
#include "lib/text/utf8.h"

namespace fovea {
namespace {

using unicode::kCombines;
using unicode::kControl;
using unicode::kDecomposes;
using unicode::kLowers;
using unicode::kMark;
using unicode::kPunctuation;
using unicode::kSpace;

constexpr bool IsAscii(char c) { return static_cast<unsigned char>(c) < 0x80; }

// Letters and digits in ASCII: what no flag but `lowercase` changes.
constexpr bool IsWordAscii(char c) { return IsAsciiAlpha(c) || IsAsciiDigit(c); }

}  // namespace

BertWordScanner::BertWordScanner(const BertNormalizer& normalizer, std::string_view text,
                                 std::size_t offset)
    : normalizer_(normalizer), tables_(unicode::Tables::Get()), text_(text), offset_(offset) {}

bool BertWordScanner::Next(BertWord& word) {
  for (;;) {
    if (Take(word)) return true;
    if (buffer_.empty() && marks_.empty() && NextAscii(word)) return true;
    if (at_ == text_.size()) {
      FlushMarks();
      EndWord();
      return Take(word);
    }
    ReadCharacter();
  }
}

// A word of ASCII letters and digits, or one punctuation mark, that nothing before or behind it can
// change. The words of English text are nearly all of this kind.
bool BertWordScanner::NextAscii(BertWord& word) {
  const std::size_t size = text_.size();
  while (at_ < size && text_[at_] == ' ') ++at_;
  const std::size_t begin = at_;
  std::size_t end = begin;
  while (end < size && IsWordAscii(text_[end])) ++end;
  if (end == begin) {
    const bool punctuation =
        end < size && IsAscii(text_[end]) &&
        (tables_.Bits(static_cast<unsigned char>(text_[end])) & kPunctuation) != 0;
    if (!punctuation) return false;
    ++end;
  }
  if (end < size) {
    // What follows must not touch the word: a combining mark or a control character, which is
    // dropped, might.
    const auto next = static_cast<unsigned char>(text_[end]);
    if (next >= 0x80) return false;
    const std::uint16_t bits = tables_.Bits(next);
    const bool borders = (bits & kControl) == 0 && (bits & (kSpace | kPunctuation)) != 0;
    if (!borders && !(IsWordAscii(text_[end]) && !IsWordAscii(text_[begin]))) return false;
  }
  word = {text_.substr(begin, end - begin), end - begin, offset_ + begin, nullptr, nullptr};
  if (normalizer_.lowercase) {
    lowered_.assign(word.text);
    for (char& c : lowered_) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
    }
    word.text = lowered_;
  }
  at_ = end;
  return true;
}

// Cleans one character of the text and passes it on.
void BertWordScanner::ReadCharacter() {
  const Utf8Char c = DecodeUtf8(text_, at_);
  const ByteRange source{offset_ + at_, offset_ + at_ + static_cast<std::size_t>(c.length)};
  at_ += static_cast<std::size_t>(c.length);
  const std::uint16_t bits = tables_.Bits(c.code_point);
  if (normalizer_.clean_text && (bits & kControl) != 0) return;
  const bool space = normalizer_.clean_text && (bits & kSpace) != 0;
  const bool alone = normalizer_.handle_chinese_chars && unicode::IsBertChinese(c.code_point);
  if (alone) Add(' ', source);
  if (normalizer_.strip_accents && !space && (bits & kDecomposes) != 0) {
    const unicode::Mapping parts = unicode::Decompose(c.code_point);
    for (std::size_t i = 0; i < parts.size; ++i) Add(parts.code_points[i], source);
  } else {
    Add(space ? U' ' : c.code_point, source);
  }
  if (alone) Add(' ', source);
}

// Canonical order: marks with a combining class wait for the next character that has none (Unicode,
// section 3.11).
void BertWordScanner::Add(char32_t code_point, ByteRange source) {
  const std::uint16_t bits = tables_.Bits(code_point);
  if (normalizer_.strip_accents && (bits & kMark) != 0) {
    // Dropped marks do not change the order of the others. The letter's range takes them in, so
    // that a cut behind a token never parts a letter from its accent.
    if (marks_.empty() && buffer_.size() > word_begin_)
      ends_.back() = std::max(ends_.back(), source.end);
    return;
  }
  if (normalizer_.strip_accents && (bits & kCombines) != 0) {
    marks_.push_back({code_point, unicode::CombiningClass(code_point), source});
    return;
  }
  FlushMarks();
  Emit(code_point, source);
}

void BertWordScanner::FlushMarks() {
  if (marks_.empty()) return;
  const auto by_class = [](const Mark& a, const Mark& b) {
    return a.combining_class < b.combining_class;
  };
  if (!std::is_sorted(marks_.begin(), marks_.end(), by_class)) {
    // Out of order, all of them stand for the whole run: ranges must ascend.
    const ByteRange run{marks_.front().source.begin, marks_.back().source.end};
    for (Mark& mark : marks_) mark.source = run;
    std::stable_sort(marks_.begin(), marks_.end(), by_class);
  }
  for (const Mark& mark : marks_) Emit(mark.code_point, mark.source);
  marks_.clear();
}

void BertWordScanner::Emit(char32_t code_point, ByteRange source) {
  if (normalizer_.lowercase && (tables_.Bits(code_point) & kLowers) != 0) {
    const unicode::Mapping lower = unicode::Lower(code_point);
    for (std::size_t i = 0; i < lower.size; ++i) Append(lower.code_points[i], source);
  } else {
    Append(code_point, source);
  }
}

void BertWordScanner::Append(char32_t code_point, ByteRange source) {
  const std::uint16_t bits = tables_.Bits(code_point);
  if ((bits & (kSpace | kPunctuation)) != 0) EndWord();
  if ((bits & kSpace) != 0) return;
  AppendUtf8(code_point, buffer_);
  starts_.resize(buffer_.size(), source.begin);
  ends_.resize(buffer_.size(), source.end);
  ++characters_;
  if ((bits & kPunctuation) != 0) EndWord();
}

void BertWordScanner::EndWord() {
  if (buffer_.size() > word_begin_) finished_.push_back({word_begin_, buffer_.size(), characters_});
  word_begin_ = buffer_.size();
  characters_ = 0;
}

bool BertWordScanner::Take(BertWord& word) {
  if (taken_ < finished_.size()) {
    const Finished& next = finished_[taken_++];
    word.text = std::string_view(buffer_).substr(next.begin, next.end - next.begin);
    word.characters = next.characters;
    word.starts = starts_.data() + next.begin;
    word.ends = ends_.data() + next.begin;
    return true;
  }
  if (taken_ > 0) {
    // All were taken: what is left is the beginning of the running word.
    const auto taken_bytes = static_cast<std::ptrdiff_t>(word_begin_);
    buffer_.erase(0, word_begin_);
    starts_.erase(starts_.begin(), starts_.begin() + taken_bytes);
    ends_.erase(ends_.begin(), ends_.begin() + taken_bytes);
    finished_.clear();
    taken_ = 0;
    word_begin_ = 0;
  }
  return false;
}

}  // namespace fovea
