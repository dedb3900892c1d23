#include "lib/text/pre_tokenizer.h"

#include <utility>

#include "lib/text/utf8.h"

namespace fovea {

std::optional<PreTokenizer> FindPreTokenizer(std::string_view name) {
  constexpr std::pair<std::string_view, PreTokenizer> kKnown[] = {
      {"gpt-2", {WordPattern::kGpt2, false}},
      {"mpt", {WordPattern::kGpt2, false}},
      {"olmo", {WordPattern::kGpt2, false}},
      {"phi-2", {WordPattern::kGpt2, false}},
      {"smollm", {WordPattern::kGpt2SingleDigits, false}},
      {"starcoder", {WordPattern::kGpt2SingleDigits, false}},
      {"refact", {WordPattern::kGpt2SingleDigits, false}},
      {"command-r", {WordPattern::kGpt2SingleDigits, false}},
      {"llama-bpe", {WordPattern::kLlama3, true}},
      {"smaug-bpe", {WordPattern::kLlama3, false}},
      {"qwen2", {WordPattern::kQwen2, false}},
      {"deepseek-r1-qwen", {WordPattern::kQwen2, false}},
  };
  for (const auto& [known, pre_tokenizer] : kKnown) {
    if (known == name) return pre_tokenizer;
  }
  return std::nullopt;
}

WordSplitter::WordSplitter(WordPattern pattern, std::string_view text)
    : pattern_(pattern), tables_(unicode::Tables::Get()), text_(text), end_(text.size()) {
  for (char32_t c = 0; c < 128; ++c) ascii_[c] = KindOf(c);
  if (pattern_ == WordPattern::kGpt2SingleDigits) end_ = FindNumber(0);
}

bool WordSplitter::Next(std::string_view& word) {
  if (at_ == text_.size()) return false;
  std::size_t next;
  if (at_ == end_) {  // A digit that stands alone.
    end_ = text_.size();
    next = At(at_).next;
    end_ = FindNumber(next);
  } else if (pattern_ == WordPattern::kLlama3 || pattern_ == WordPattern::kQwen2) {
    next = Llama3Word(at_, pattern_ == WordPattern::kLlama3 ? 3 : 1);
  } else {
    next = Gpt2Word(at_);
  }
  word = text_.substr(at_, next - at_);
  at_ = next;
  return true;
}

WordSplitter::Kind WordSplitter::KindOf(char32_t code_point) const {
  const std::uint16_t bits = tables_.Bits(code_point);
  if ((bits & unicode::kBpeLetter) != 0) return Kind::kLetter;
  if ((bits & unicode::kBpeNumber) != 0) return Kind::kNumber;
  return (bits & unicode::kBpeSpace) != 0 ? Kind::kSpace : Kind::kOther;
}

WordSplitter::Char WordSplitter::At(std::size_t at) const {
  if (at >= end_) return {0, Kind::kEnd, at};
  const auto byte = static_cast<unsigned char>(text_[at]);
  if (byte < 0x80) return {byte, ascii_[byte], at + 1};
  const Utf8Char c = DecodeUtf8(text_, at);
  return {c.code_point, KindOf(c.code_point), at + static_cast<std::size_t>(c.length)};
}

std::size_t WordSplitter::Skip(std::size_t at, Kind kind) const {
  for (Char c = At(at); c.kind == kind; c = At(at)) at = c.next;
  return at;
}

std::size_t WordSplitter::SkipNewlines(std::size_t at) const {
  while (at < end_ && (text_[at] == '\r' || text_[at] == '\n')) ++at;
  return at;
}

std::size_t WordSplitter::FindNumber(std::size_t at) const {
  while (at < text_.size()) {
    const Char c = At(at);
    if (c.kind == Kind::kNumber) break;
    at = c.next;
  }
  return at;
}

// The end of 's 't 'm 'd 're 've 'll at `at`, or `at`.
std::size_t WordSplitter::Contraction(std::size_t at, bool any_case) const {
  const auto letter = [&](std::size_t i) -> char {
    if (i >= end_) return 0;
    const char c = text_[i];
    return any_case && c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  };
  if (text_[at] != '\'') return at;
  const char first = letter(at + 1);
  const char second = letter(at + 2);
  if (first == 's' || first == 't' || first == 'm' || first == 'd') return at + 2;
  const bool three =
      (second == 'e' && (first == 'r' || first == 'v')) || (first == 'l' && second == 'l');
  return three ? at + 3 : at;
}

// White space at `at`: up to its last line break if `lines_first` and there is one; else all of it
// where nothing follows, and all but the last character, which belongs to the word behind it, where
// something does.
std::size_t WordSplitter::Spaces(std::size_t at, bool lines_first) const {
  std::size_t end = at;
  std::size_t last = at;
  std::size_t line_end = at;
  for (Char c = At(end); c.kind == Kind::kSpace; c = At(end)) {
    last = end;
    end = c.next;
    if (c.code_point == '\r' || c.code_point == '\n') line_end = end;
  }
  if (lines_first && line_end > at) return line_end;
  return last > at && end < end_ ? last : end;
}

std::size_t WordSplitter::Gpt2Word(std::size_t at) const {
  const std::size_t contraction = Contraction(at, false);
  if (contraction > at) return contraction;
  const Char first = At(at);
  const std::size_t lead = first.code_point == ' ' ? first.next : at;
  const Kind kind = At(lead).kind;
  if (kind == Kind::kEnd || kind == Kind::kSpace) return Spaces(at, false);
  return Skip(lead, kind);
}

std::size_t WordSplitter::Llama3Word(std::size_t at, int digits) const {
  const std::size_t contraction = Contraction(at, true);
  if (contraction > at) return contraction;
  const Char first = At(at);
  if (first.kind == Kind::kNumber) {
    std::size_t end = first.next;
    for (int i = 1; i < digits && At(end).kind == Kind::kNumber; ++i) end = At(end).next;
    return end;
  }
  const bool line_break = first.code_point == '\r' || first.code_point == '\n';
  if (first.kind == Kind::kLetter || (!line_break && At(first.next).kind == Kind::kLetter)) {
    return Skip(first.next, Kind::kLetter);
  }
  const std::size_t lead = first.code_point == ' ' ? first.next : at;
  if (At(lead).kind == Kind::kOther) return SkipNewlines(Skip(lead, Kind::kOther));
  return Spaces(at, true);
}

}  // namespace fovea
