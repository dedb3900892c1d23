#include "generator/ordered_words.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>

#include "generator/grounding.h"
#include "lib/base/ascii.h"
#include "lib/nn/logits.h"

namespace fovea {
namespace {

// Words that may be put in, as a comma may: they change neither what is said nor of what.
constexpr auto kSmallWords = std::to_array<std::string_view>({"a", "an", "the", "and"});
constexpr std::size_t kMostSmallWords = 2;  // in a row

// Beside negations: without them a sentence says more than it did.
constexpr auto kLimitingWords = std::to_array<std::string_view>(
    {"except", "false", "hardly", "if", "only", "rarely", "unless", "until"});

// Stems of words that tell how sure something is, who says so, or what is set against what.
constexpr auto kHedges = std::to_array<std::string_view>(
    {"accor", "again", "alleg", "almos", "appea", "argue", "asser", "attem", "belie",
     "but",   "claim", "compa", "conte", "could", "fail",  "faile", "inste", "may",
     "might", "nearl", "or",    "plann", "propo", "rathe", "seem",  "seeme", "seems",
     "shoul", "sugge", "than",  "tried", "tries", "try",   "versu", "would"});

// Before words that are not left out alone at the end.
constexpr auto kJoints = std::to_array<std::string_view>({"and", "or", "of", "than"});

constexpr std::string_view kPunctuation = ".,;:!?\"'()[]{}";

template <std::size_t N>
bool IsOneOf(const std::array<std::string_view, N>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// Whether the sentence says something else without the word (in lower case).
bool IsNeeded(std::string_view word) { return IsNegation(word) || IsOneOf(kLimitingWords, word); }

bool HoldsWord(std::string_view text) {
  for (std::size_t at = 0; at < text.size(); at += CharacterAt(text, at).bytes) {
    if (CharacterAt(text, at).of_word) return true;
  }
  return false;
}

// What is between white space, without punctuation at its ends that is no part of the word.
std::vector<ByteRange> WordsOf(std::string_view sentence) {
  std::vector<ByteRange> words;
  for (std::size_t at = 0; at < sentence.size();) {
    if (IsAsciiSpace(sentence[at])) {
      ++at;
      continue;
    }
    ByteRange word{at, at};
    while (at < sentence.size() && !IsAsciiSpace(sentence[at])) ++at;
    word.end = at;
    const auto mark = [&](std::size_t byte) {
      return kPunctuation.find(sentence[byte]) != std::string_view::npos;
    };
    while (word.begin < word.end && mark(word.begin)) ++word.begin;
    while (word.begin < word.end && mark(word.end - 1)) --word.end;
    word.begin -= BytesOfOwnMark(sentence, word.begin);
    const bool between_colons =
        word.end < at && sentence[word.begin] == ':' && sentence[word.end] == ':';
    if (between_colons) ++word.end;  // ":memory:"
    if (HoldsWord(Slice(sentence, word))) words.push_back(word);
  }
  return words;
}

// A statement begins with a capital, but for words like "iPhone" and "sqlite3_open".
std::string Capitalised(std::string text) {
  const std::string_view first = std::string_view(text).substr(0, text.find(' '));
  const bool spelt =
      std::any_of(text.begin(), text.end(), IsAsciiUpper) ||
      std::any_of(first.begin(), first.end(),
                  [](char c) { return !IsWordByte(c) && c != '-' && c != '\'' && c != ','; }) ||
      HoldsDigit(first);
  if (!spelt && IsAsciiLower(text.front()))
    text.front() = static_cast<char>(text.front() - 'a' + 'A');
  return text;
}

}  // namespace

OrderedWords::OrderedWords(std::string_view sentence, ByteRange part, const Tokenizer& tokenizer,
                           TokenId end)
    : end_(end), full_stop_(tokenizer.EncodeIds(".").back()) {
  const auto encode = [&](const std::string& text) {
    return Word{tokenizer.EncodeIds(Capitalised(text)), tokenizer.EncodeIds(" " + text)};
  };
  for (const std::string_view word : kSmallWords) small_.push_back(encode(std::string(word)));
  small_.push_back({{}, tokenizer.EncodeIds(",")});

  const std::vector<ByteRange> ranges = WordsOf(sentence);
  bool after_needed = false;
  unsigned marks = kNoMark;
  bool joined = false;
  for (std::size_t i = 0; i < ranges.size();) {
    ByteRange range = ranges[i];
    if (i > 0) marks |= MarksIn(Slice(sentence, {ranges[i - 1].end, range.begin}));
    const bool in_part = Overlap(range, part);
    for (++i; in_part && i < ranges.size() && Overlap(ranges[i], part); ++i)
      range.end = ranges[i].end;
    const std::string text = CollapseSpace(Slice(sentence, range));
    const std::string lower = AsciiLower(text);
    joined |= IsOneOf(kJoints, lower);
    if (!in_part && IsOneOf(kSmallWords, lower)) {
      begins_small_ |= words_.empty() || marks != kNoMark;
      continue;
    }
    const bool needed = IsNeeded(lower);
    SentenceWord& word = words_.emplace_back();
    word.tokens = encode(text);
    word.required = in_part || needed || after_needed;
    word.kept = word.required || IsOneOf(kHedges, StemOf(lower));
    word.light = IsLightWord(lower);
    word.marks_before = marks;
    word.joined = joined;
    after_needed = needed;
    marks = kNoMark;
    joined = false;
  }
}

bool OrderedWords::MayJump(std::size_t from, std::size_t to) const {
  if (from == to || to == 0) return true;
  if (from == 0) return words_[to].marks_before != kNoMark;
  const auto begin = words_.begin() + static_cast<std::ptrdiff_t>(from);
  const auto end = words_.begin() + static_cast<std::ptrdiff_t>(to);
  const bool light = std::all_of(begin, end, [](const SentenceWord& word) { return word.light; });
  return light || Encloses(begin->marks_before, end->marks_before);
}

bool OrderedWords::MayEnd(const State& state) const {
  if (state.word != nullptr || state.words == 0 || state.small > 0) return false;
  const auto next = words_.begin() + static_cast<std::ptrdiff_t>(state.words);
  if (next == words_.end()) return true;
  return std::none_of(next, words_.end(), [](const SentenceWord& w) { return w.required; }) &&
         (next->marks_before != kNoMark || (next->light && !next->joined));
}

std::vector<OrderedWords::State> OrderedWords::Next(const State& state, bool first) const {
  if (state.word != nullptr) return {state};
  std::vector<State> next;
  const auto form = [&](const Word& word) { return first ? &word.first : &word.within; };
  for (std::size_t w = state.words; w < words_.size(); ++w) {
    const Tokens* tokens = form(words_[w].tokens);
    if (!tokens->empty() && MayJump(state.words, w))
      next.push_back({.words = w + 1, .word = tokens});
    if (words_[w].kept) break;
  }
  // A small word leads to another word.
  const bool may_be_small =
      state.words < words_.size() && state.small < kMostSmallWords && (!first || begins_small_);
  for (std::size_t w = 0; may_be_small && w < small_.size(); ++w) {
    const bool comma = w + 1 == small_.size();
    if (state.small > 0 && (comma || state.last_small == w)) continue;
    if (form(small_[w])->empty()) continue;
    next.push_back(
        {.words = state.words, .small = state.small + 1, .last_small = w, .word = form(small_[w])});
  }
  return next;
}

std::vector<OrderedWords::State> OrderedWords::After(std::span<const TokenId> written) const {
  std::vector<State> states = {State{}};
  for (std::size_t i = 0; i < written.size(); ++i) {
    std::vector<State> after;
    for (const State& state : states) {
      for (State next : Next(state, i == 0)) {
        if ((*next.word)[next.at] != written[i]) continue;
        if (++next.at == next.word->size()) {
          next.word = nullptr;
          next.at = 0;
        }
        if (std::find(after.begin(), after.end(), next) == after.end()) after.push_back(next);
      }
    }
    states = std::move(after);
  }
  return states;
}

double OrderedWords::Restrict(std::span<const TokenId> written, std::span<float> logits) const {
  const auto at = [&](TokenId token) -> float& {
    return logits[static_cast<std::size_t>(Value(token))];
  };
  std::map<TokenId, float> left;
  for (const State& state : After(written)) {
    for (const State& next : Next(state, written.empty())) {
      const TokenId token = (*next.word)[next.at];
      left[token] = at(token);
    }
    if (MayEnd(state)) left[end_] = std::max(at(end_), at(full_stop_));
  }
  if (left.empty()) left[end_] = at(end_);
  const double all = LogSumExp(logits);
  std::fill(logits.begin(), logits.end(), -std::numeric_limits<float>::infinity());
  double kept = 0;
  for (const auto& [token, logit] : left) {
    at(token) = logit;
    kept += std::exp(static_cast<double>(logit) - all);
  }
  return kept;
}

}  // namespace fovea
