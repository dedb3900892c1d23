// The decoder held to one sentence of the evidence: it may leave parts of it out and put small
// words in between, but not change the order or use other words. For where its free answer was not
// borne out.
//
// What may be left out is what two commas, brackets or dashes enclose, what stands before a mark or
// at the end, behind a mark or from a function word on, and words that carry no meaning of their
// own.

#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "generator/words.h"
#include "lib/base/byte_range.h"
#include "lib/base/ids.h"
#include "lib/text/tokenizer.h"

namespace fovea {

// Immutable.
class OrderedWords {
 public:
  // `part`: bytes of `sentence` whose words stand in every statement, together. Words without which
  // the sentence would say something else ("not", "unless") are not left out either, nor is the one
  // after each; what tells how sure it is ("may", "argued") is left out only with all that follows.
  // `end` ends a statement.
  OrderedWords(std::string_view sentence, ByteRange part, const Tokenizer& tokenizer, TokenId end);

  // Leaves the logits [V] of tokens with which `written`, what was generated so far under the same
  // rule, goes on or ends; the others become −∞. A full stop counts as an end. Gives the
  // probability that the decoder had given to what is left: little where it would rather not go on
  // so.
  double Restrict(std::span<const TokenId> written, std::span<float> logits) const;

 private:
  using Tokens = std::vector<TokenId>;
  struct Word {
    Tokens first;   // at a statement's beginning; empty: it begins none
    Tokens within;  // after another word
  };
  // Where in a statement one is: after words of the sentence and small ones, or within a word.
  struct State {
    std::size_t words = 0;  // of the sentence, written or left out
    std::size_t small = 0;  // small words since, in a row
    std::size_t last_small = 0;
    const Tokens* word = nullptr;  // nullptr: between words
    std::size_t at = 0;            // tokens of it that are written
    bool operator==(const State&) const = default;
  };

  std::vector<State> After(std::span<const TokenId> written) const;
  // The states within a word that may come next.
  std::vector<State> Next(const State& state, bool first) const;
  bool MayEnd(const State& state) const;

  // Of the sentence, without small words. The part is one of them.
  struct SentenceWord {
    Word tokens;
    bool required = false;  // stands in every statement
    bool kept = false;      // is not jumped over
    bool light = false;     // says nothing by itself
    unsigned marks_before = kNoMark;
    bool joined = false;  // by "and", "of" and the like to what stands before it
  };
  bool MayJump(std::size_t from, std::size_t to) const;

  std::vector<SentenceWord> words_;
  std::vector<Word> small_;    // the comma last
  bool begins_small_ = false;  // whether what stands behind some mark begins with a small word
  TokenId end_;
  TokenId full_stop_;
};

}  // namespace fovea
