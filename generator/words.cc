#include "generator/words.h"

#include <algorithm>
#include <set>

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

}  // namespace

std::vector<std::string> SplitWords(std::string_view text) {
  std::vector<std::string> words;
  for (std::size_t at = 0; at < text.size();) {
    if (!IsNameByte(text[at])) {
      ++at;
      continue;
    }
    std::string word;
    for (; at < text.size(); ++at) {
      const bool decimal = (text[at] == '.' || text[at] == ',') && at + 1 < text.size() &&
                           !word.empty() && IsAsciiDigit(word.back()) && IsAsciiDigit(text[at + 1]);
      if (!IsNameByte(text[at]) && !decimal) break;
      if (text[at] == ',') continue;
      word += text[at];
    }
    words.push_back(std::move(word));
  }
  return words;
}

bool HoldsDigit(std::string_view word) {
  return std::any_of(word.begin(), word.end(), IsAsciiDigit);
}

bool IsFunctionWord(std::string_view word) { return kFunctionWords.contains(word); }

std::string StemOf(std::string_view word) {
  return std::string(HoldsDigit(word) ? word : word.substr(0, kStemBytes));
}

std::vector<std::string_view> FunctionWords() {
  return {kFunctionWords.begin(), kFunctionWords.end()};
}

}  // namespace fovea
