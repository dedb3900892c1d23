// The words that BERT sees: cleaned, accents stripped, lower-cased, cut at white space, punctuation
// and ideographs (normaliser and pre-tokeniser of Hugging Face `tokenizers`, in one pass). Internal
// to lib/text.

#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/byte_range.h"
#include "lib/text/unicode_tables.h"

namespace fovea {

struct BertNormalizer {
  bool clean_text = true;
  bool handle_chinese_chars = true;
  bool strip_accents = true;
  bool lowercase = true;
};

// One normalised word. Its views live until the scanner goes on.
struct BertWord {
  std::string_view text;       // Valid UTF-8.
  std::size_t characters = 0;  // Code points of `text`.

  // Where bytes [begin, end) of `text`, whole characters, come from.
  ByteRange Source(std::size_t begin, std::size_t end) const {
    if (starts == nullptr) return {offset + begin, offset + end};
    return {starts[begin], ends[end - 1]};
  }

  std::size_t offset = 0;               // With `starts` null: text[i] is byte offset + i.
  const std::size_t* starts = nullptr;  // [text.size()]
  const std::size_t* ends = nullptr;    // [text.size()]
};

// Scans a text once; memory and time are linear in the longest word (n log n for a run of n
// combining marks).
class BertWordScanner {
 public:
  // `normalizer` and `text` must outlive the scanner. Ranges are relative to `text`, plus `offset`.
  BertWordScanner(const BertNormalizer& normalizer, std::string_view text, std::size_t offset);

  // The next word; false at the end.
  bool Next(BertWord& word);

 private:
  struct Mark {
    char32_t code_point;
    int combining_class;
    ByteRange source;
  };

  bool NextAscii(BertWord& word);
  void ReadCharacter();
  void Add(char32_t code_point, ByteRange source);
  void FlushMarks();
  void Emit(char32_t code_point, ByteRange source);
  void Append(char32_t code_point, ByteRange source);
  void EndWord();
  bool Take(BertWord& word);

  const BertNormalizer& normalizer_;
  const unicode::Tables& tables_;
  const std::string_view text_;
  const std::size_t offset_;
  std::size_t at_ = 0;
  std::string lowered_;  // What NextAscii hands out.

  // Words that are finished but not taken yet (a character may finish three), and then the running
  // one, in one buffer.
  struct Finished {
    std::size_t begin, end, characters;
  };
  std::string buffer_;
  std::vector<std::size_t> starts_;  // Source of each byte of buffer_.
  std::vector<std::size_t> ends_;
  std::vector<Finished> finished_;
  std::size_t taken_ = 0;
  std::size_t word_begin_ = 0;  // Of the running word in buffer_.
  std::size_t characters_ = 0;
  std::vector<Mark> marks_;  // Combining marks that wait for their canonical order.
};

}  // namespace fovea
