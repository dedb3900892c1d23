// How byte-level BPE cuts text into words before it merges: the regular expressions that GGUF files
// name, matched by hand in linear time, with the letters, numbers and spaces of llama.cpp. Internal
// to lib/text.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "lib/text/unicode_tables.h"

namespace fovea {

enum class WordPattern {
  // 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
  kGpt2,
  // The same in what lies between \p{N}, each of which is a word.
  kGpt2SingleDigits,
  // (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|
  // ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
  kLlama3,
  // The same with \p{N} for \p{N}{1,3}.
  kQwen2,
};

struct PreTokenizer {
  WordPattern pattern = WordPattern::kGpt2;
  bool whole_words_first =
      false;  // A word that is a token is taken as it is, whatever the merges say.
};

// By the name in `tokenizer.ggml.pre`; nothing if it is not handled.
std::optional<PreTokenizer> FindPreTokenizer(std::string_view name);

class WordSplitter {
 public:
  // `text` must be valid UTF-8 and outlive the splitter.
  WordSplitter(WordPattern pattern, std::string_view text);

  // The next word; words follow each other without a gap. False at the end.
  bool Next(std::string_view& word);

 private:
  enum class Kind : std::uint8_t { kEnd, kLetter, kNumber, kSpace, kOther };
  struct Char {
    char32_t code_point = 0;
    Kind kind = Kind::kEnd;
    std::size_t next = 0;  // Where the character behind it begins.
  };

  Char At(std::size_t at) const;
  Kind KindOf(char32_t code_point) const;
  std::size_t Skip(std::size_t at, Kind kind) const;
  std::size_t SkipNewlines(std::size_t at) const;
  std::size_t Contraction(std::size_t at, bool any_case) const;
  std::size_t Spaces(std::size_t at, bool lines_first) const;
  std::size_t Gpt2Word(std::size_t at) const;
  std::size_t Llama3Word(std::size_t at, int digits) const;
  std::size_t FindNumber(std::size_t at) const;

  const WordPattern pattern_;
  const unicode::Tables& tables_;
  const std::string_view text_;
  std::size_t at_ = 0;
  std::size_t end_;  // No pattern looks past it: the end of the text, or the next digit.
  std::array<Kind, 128> ascii_;
};

}  // namespace fovea
