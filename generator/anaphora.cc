#include "generator/anaphora.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "lib/base/ascii.h"
#include "retriever/stop_words.h"

namespace fovea {
namespace {

// Both sorted.
constexpr auto kPronouns = std::to_array<std::string_view>(
    {"he", "her", "hers", "him", "his", "it", "its", "one", "ones", "she", "their", "theirs",
     "them", "these", "they", "this", "those"});
constexpr auto kConjunctions = std::to_array<std::string_view>({"and", "but", "or", "so", "then"});
static_assert(std::is_sorted(kPronouns.begin(), kPronouns.end()));
static_assert(std::is_sorted(kConjunctions.begin(), kConjunctions.end()));

std::vector<std::string> Words(std::string_view text) {
  std::vector<std::string> words;
  bool inside = false;
  for (const char byte : text) {
    const bool word = IsWordByte(byte);
    if (word && !inside) words.emplace_back();
    if (word) words.back() += byte;
    inside = word;
  }
  for (std::string& word : words) word = AsciiLower(word);
  return words;
}

}  // namespace

bool LooksAnaphoric(std::string_view question) {
  const std::vector<std::string> words = Words(question);
  if (words.empty()) return false;
  const auto among = [](const auto& list, const std::string& word) {
    return std::binary_search(list.begin(), list.end(), std::string_view(word));
  };
  if (among(kConjunctions, words.front())) return true;
  if (words.size() > 1 && words[1] == "about" && (words[0] == "what" || words[0] == "how"))
    return true;
  return std::any_of(words.begin(), words.end(),
                     [&](const std::string& word) { return among(kPronouns, word); }) ||
         std::all_of(words.begin(), words.end(),
                     [](const std::string& word) { return IsStopWord(word); });
}

}  // namespace fovea
