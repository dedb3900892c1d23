#include "generator/words.h"

#include <algorithm>
#include <set>
#include <utility>

#include "lib/base/ascii.h"
#include "lib/text/utf8.h"

namespace fovea {
namespace {

const std::set<std::string_view> kFunctionWords = {
    "a",     "an",   "the",   "of",     "in",      "on",    "at",     "to",      "for",    "from",
    "by",    "with", "as",    "and",    "or",      "but",   "nor",    "is",      "are",    "was",
    "were",  "be",   "been",  "being",  "am",      "it",    "its",    "this",    "that",   "these",
    "those", "he",   "she",   "they",   "them",    "his",   "her",    "their",   "there",  "which",
    "who",   "whom", "whose", "what",   "when",    "where", "how",    "why",     "do",     "does",
    "did",   "done", "has",   "have",   "had",     "can",   "could",  "will",    "would",  "may",
    "might", "must", "shall", "should", "than",    "then",  "so",     "such",    "also",   "about",
    "into",  "if",   "over",  "under",  "between", "both",  "each",   "other",   "some",   "any",
    "all",   "more", "most",  "very",   "because", "while", "during", "after",   "before", "up",
    "out",   "i",    "you",   "we",     "s",       "t",     "answer", "question"};

// Beside function words.
const std::set<std::string_view> kLightWords = {"entirely", "even",     "furthermore", "however",
                                                "itself",   "moreover", "therefore",   "thus"};

const std::set<std::string_view> kNegations = {"cannot", "neither", "never", "no",      "nobody",
                                               "none",   "nor",     "not",   "nothing", "without"};

}  // namespace

TextCharacter CharacterAt(std::string_view text, std::size_t at) {
  const char c = text[at];
  if (static_cast<unsigned char>(c) < 0x80) return {1, IsWordByte(c) || c == '_'};
  const Utf8Char character = DecodeUtf8(text, at);
  const char32_t code = character.code_point;
  const bool latin_punctuation = code >= 0x80 && code <= 0xBF;        // «, °, ·
  const bool general_punctuation = code >= 0x2000 && code <= 0x206F;  // “, –, …
  return {static_cast<std::size_t>(character.length), !latin_punctuation && !general_punctuation};
}

std::vector<PlacedWord> PlaceWords(std::string_view text) {
  std::vector<PlacedWord> words;
  std::string word;
  std::size_t end = 0;  // of the last word
  const auto add = [&](std::size_t at, std::size_t begin) {
    const std::size_t own = BytesOfOwnMark(text, begin);
    words.push_back({std::move(word), std::string(text.substr(begin - own, own)),
                     MarksIn(text.substr(end, begin - own - end))});
    word.clear();
    end = at;
  };
  std::size_t begin = 0;
  for (std::size_t at = 0; at < text.size();) {
    const TextCharacter character = CharacterAt(text, at);
    const bool mark = text[at] == '.' || text[at] == ',';
    const bool decimal = mark && at + 1 < text.size() && !word.empty() &&
                         IsAsciiDigit(word.back()) && IsAsciiDigit(text[at + 1]);
    if (character.of_word) {
      if (word.empty()) begin = at;
      word.append(text.substr(at, character.bytes));
    } else if (decimal) {
      if (text[at] == '.') word += '.';
    } else if (!word.empty()) {
      add(at, begin);
    }
    at += character.bytes;
  }
  if (!word.empty()) add(text.size(), begin);
  return words;
}

std::vector<std::string> SplitWords(std::string_view text) {
  std::vector<std::string> words;
  for (PlacedWord& placed : PlaceWords(text)) words.push_back(std::move(placed.word));
  return words;
}

std::vector<std::string> LowerWords(std::string_view text) { return SplitWords(AsciiLower(text)); }

bool HoldsRun(std::span<const std::string> words, std::span<const std::string> run) {
  return !run.empty() &&
         std::search(words.begin(), words.end(), run.begin(), run.end()) != words.end();
}

unsigned MarksIn(std::string_view between) {
  unsigned marks = kNoMark;
  for (std::size_t at = 0; at < between.size(); ++at) {
    switch (between[at]) {
      case ',':
        marks |= kComma;
        break;
      case '(':
      case '[':
        marks |= kOpenBracket;
        break;
      case ')':
      case ']':
        marks |= kCloseBracket;
        break;
      case ';':
      case ':':
        marks |= kClauseEnd;
        break;
      case '-':  // not the hyphen of "pre- and post-war"
        if (at > 0 && IsAsciiSpace(between[at - 1])) marks |= kDash;
        break;
      default:
        if (between.substr(at).starts_with("–") || between.substr(at).starts_with("—"))
          marks |= kDash;
    }
  }
  return marks;
}

std::size_t BytesOfOwnMark(std::string_view text, std::size_t begin) {
  for (const std::string_view mark : {"--", "-", ".", ":"}) {
    if (!text.substr(0, begin).ends_with(mark)) continue;
    const std::string_view before = text.substr(0, begin - mark.size());
    constexpr std::string_view kOpen = "\"'([{`";
    const bool apart = before.empty() || IsAsciiSpace(before.back()) ||
                       kOpen.find(before.back()) != std::string_view::npos;
    return apart ? mark.size() : 0;
  }
  return 0;
}

bool Encloses(unsigned before, unsigned after) {
  const auto both = [&](unsigned first, unsigned second) {
    return (before & first) != 0 && (after & second) != 0;
  };
  if (both(kOpenBracket, kCloseBracket)) return true;
  return (both(kComma, kComma) || both(kDash, kDash)) && ((before | after) & kClauseEnd) == 0;
}

bool HoldsDigit(std::string_view word) {
  return std::any_of(word.begin(), word.end(), IsAsciiDigit);
}

bool HoldsInnerCapital(std::string_view word) {
  const auto at = std::adjacent_find(word.begin(), word.end(), [](char before, char c) {
    return IsAsciiLower(before) && IsAsciiUpper(c);
  });
  return at != word.end();
}

bool IsFunctionWord(std::string_view word) { return kFunctionWords.contains(word); }

bool IsLightWord(std::string_view word) {
  return IsFunctionWord(word) || kLightWords.contains(word);
}

bool IsNegation(std::string_view word) {
  return kNegations.contains(word) || word.ends_with("n't") || word.ends_with("n’t");
}

std::string StemOf(std::string_view word) {
  const bool whole = HoldsDigit(word) || word.find('_') != word.npos || HoldsInnerCapital(word);
  return AsciiLower(whole ? word : word.substr(0, kStemBytes));
}

std::set<std::string> ContentStems(std::span<const std::string> words) {
  std::set<std::string> stems;
  for (const std::string& word : words) {
    if (!IsFunctionWord(word)) stems.insert(StemOf(word));
  }
  return stems;
}

std::vector<std::string_view> FunctionWords() {
  return {kFunctionWords.begin(), kFunctionWords.end()};
}

}  // namespace fovea
