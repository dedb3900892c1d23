#include "retriever/stop_words.h"

#include <algorithm>
#include <array>
#include <string>

#include "lib/base/ascii.h"

namespace fovea {
namespace {

// Sorted.
constexpr auto kStopWords = std::to_array<std::string_view>({
    "a",     "about", "after",  "all",  "also",   "am",    "an",    "and",   "any",   "are",
    "as",    "at",    "be",     "been", "being",  "but",   "by",    "can",   "could", "did",
    "do",    "does",  "during", "each", "for",    "from",  "had",   "has",   "have",  "he",
    "her",   "him",   "his",    "how",  "i",      "if",    "in",    "into",  "is",    "it",
    "its",   "me",    "might",  "must", "my",     "no",    "nor",   "not",   "of",    "on",
    "or",    "our",   "shall",  "she",  "should", "so",    "some",  "such",  "than",  "that",
    "the",   "their", "them",   "then", "there",  "these", "they",  "this",  "those", "to",
    "was",   "we",    "were",   "what", "when",   "where", "which", "while", "who",   "whom",
    "whose", "why",   "will",   "with", "would",  "you",   "your",
});
static_assert(std::is_sorted(kStopWords.begin(), kStopWords.end()));

}  // namespace

bool IsStopWord(std::string_view word) {
  return std::binary_search(kStopWords.begin(), kStopWords.end(), AsciiLower(word));
}

}  // namespace fovea
