// The words that an answer may use: those of the evidence and the question, in any inflection, and
// function words. The decoder's other words become less likely, so that it says what stands there
// instead of what it remembers.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "lib/text/tokenizer.h"

namespace fovea {

// What each token of a vocabulary adds to a text, as far as words go. Made once for a tokenizer.
class TokenWords {
 public:
  explicit TokenWords(const Tokenizer& tokenizer);

  struct Word {
    std::uint64_t stem = 0;  // packed letters of the token's first word, as many as stems have
    std::uint8_t bytes = 0;  // of that word, at most 255; 0: the token holds none
    bool begins = true;      // false: the token's first byte goes on with the word before
    bool ends = false;       // something of the token follows the word
  };
  std::span<const Word> words() const { return words_; }

 private:
  std::vector<Word> words_;
};

// Immutable; borrows `tokens`.
class EvidenceVocabulary {
 public:
  // The words of `texts` may be used.
  EvidenceVocabulary(const TokenWords& tokens, std::span<const std::string_view> texts);

  // Takes `penalty` (nats) off every token that, after `written`, makes or begins another word.
  void Penalise(std::string_view written, float penalty, std::span<float> logits) const;

 private:
  // Whether a word of so many bytes with this packed stem may be used, or may still become one.
  bool MayBe(std::uint64_t stem, std::size_t bytes, bool complete) const;

  const TokenWords& tokens_;
  std::unordered_set<std::uint64_t> stems_;
  std::unordered_set<std::uint64_t> prefixes_;  // of stems
  std::vector<bool> may_begin_;                 // tokens, where no word is unfinished
};

}  // namespace fovea
