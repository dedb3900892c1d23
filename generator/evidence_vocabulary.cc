#include "generator/evidence_vocabulary.h"

#include <algorithm>
#include <limits>
#include <string>

#include "generator/words.h"
#include "lib/base/ascii.h"
#include "lib/base/ids.h"

namespace fovea {
namespace {

static_assert(kStemBytes < sizeof(std::uint64_t), "the last byte tells how many letters there are");

// `stem` with the letters of `word` behind its own `bytes`, as far as stems go.
std::uint64_t Extend(std::uint64_t stem, std::size_t bytes, std::string_view word) {
  for (const char c : word) {
    if (bytes == kStemBytes) break;
    stem |= std::uint64_t{static_cast<unsigned char>(AsciiLower(c))} << (8 * bytes++);
  }
  return stem;
}

// Words of different lengths that begin alike differ by their zero bytes: no letter is zero.
std::uint64_t Pack(std::string_view word) { return Extend(0, 0, word); }

// The word that `text` ends with; "" if it ends with none.
std::string_view LastWord(std::string_view text) {
  std::size_t begin = 0;
  for (std::size_t at = 0; at < text.size();) {
    const TextCharacter character = CharacterAt(text, at);
    at += character.bytes;
    if (!character.of_word) begin = at;
  }
  return text.substr(begin);
}

}  // namespace

TokenWords::TokenWords(const Tokenizer& tokenizer) {
  for (std::int32_t id = 0; id < tokenizer.vocabulary_size(); ++id) {
    const TokenId token{id};
    const std::string text = tokenizer.Decode({&token, 1});
    const auto skip = [&](std::size_t at, bool of_word) {
      while (at < text.size() && CharacterAt(text, at).of_word == of_word)
        at += CharacterAt(text, at).bytes;
      return at;
    };
    const std::size_t begin = skip(0, false);
    const std::size_t end = skip(begin, true);
    Word& word = words_.emplace_back();
    word.stem = Pack(std::string_view(text).substr(begin, end - begin));
    word.bytes = static_cast<std::uint8_t>(
        std::min<std::size_t>(end - begin, std::numeric_limits<std::uint8_t>::max()));
    word.begins = text.empty() || begin > 0;
    word.ends = end < text.size();
  }
}

EvidenceVocabulary::EvidenceVocabulary(const TokenWords& tokens,
                                       std::span<const std::string_view> texts)
    : tokens_(tokens) {
  const auto add = [&](std::string_view word) {
    stems_.insert(Pack(word));
    for (std::size_t bytes = 1; bytes <= std::min(word.size(), kStemBytes); ++bytes)
      prefixes_.insert(Pack(word.substr(0, bytes)));
  };
  for (const std::string_view word : FunctionWords()) add(word);
  for (const std::string_view text : texts) {
    for (const std::string& word : SplitWords(text)) add(word);
  }
  for (const TokenWords::Word& word : tokens.words())
    may_begin_.push_back(word.bytes == 0 || MayBe(word.stem, word.bytes, word.ends));
}

bool EvidenceVocabulary::MayBe(std::uint64_t stem, std::size_t bytes, bool complete) const {
  return complete || bytes >= kStemBytes ? stems_.contains(stem) : prefixes_.contains(stem);
}

void EvidenceVocabulary::Penalise(std::string_view written, float penalty,
                                  std::span<float> logits) const {
  const std::string_view last = LastWord(written);
  const std::uint64_t stem = Pack(last);
  const bool last_may_end = last.empty() || MayBe(stem, last.size(), true);
  const std::span<const TokenWords::Word> words = tokens_.words();
  for (std::size_t t = 0; t < std::min(words.size(), logits.size()); ++t) {
    const TokenWords::Word& word = words[t];
    bool may = true;
    if (word.begins) {
      may = last_may_end && may_begin_[t];
    } else {
      const std::size_t bytes = last.size() + word.bytes;
      std::uint64_t whole = stem;
      if (last.size() < kStemBytes) whole |= word.stem << (8 * last.size());
      // What the token's stem has beyond the word's own is shifted out of a stem.
      constexpr std::uint64_t kStemMask = (std::uint64_t{1} << (8 * kStemBytes)) - 1;
      may = MayBe(whole & kStemMask, bytes, word.ends);
    }
    if (!may) logits[t] -= penalty;
  }
}

}  // namespace fovea
