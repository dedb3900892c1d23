// Words as answers and evidence are compared by: case does not count, nor what follows the first
// five letters ("elevation", "elevated"), and function words say nothing.

#pragma once

#include <cstddef>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fovea {

inline constexpr std::size_t kStemBytes = 5;

struct TextCharacter {
  std::size_t bytes = 1;
  // Of a word or a name in source code: a letter, a digit, '_', or any character beyond ASCII but
  // for punctuation (“ ” – …).
  bool of_word = false;
};

// What is no UTF-8 is read byte by byte, as of a word.
TextCharacter CharacterAt(std::string_view text, std::size_t at);

// As they are spelt, but "4,401" without its comma.
std::vector<std::string> SplitWords(std::string_view text);
// The same in lower case.
std::vector<std::string> LowerWords(std::string_view text);
// Whether `run`, which is not empty, stands in `words`, one after the other.
bool HoldsRun(std::span<const std::string> words, std::span<const std::string> run);

// What stands between two words and parts them, as bits.
enum Marks : unsigned {
  kNoMark = 0,
  kComma = 1,
  kOpenBracket = 2,
  kCloseBracket = 4,
  kDash = 8,
  kClauseEnd = 16,  // a semicolon or a colon
};

// The marks in `between`, the text from one word's end to the next word's beginning.
unsigned MarksIn(std::string_view between);

// How many bytes of marks directly before the word at `begin` belong to it: ".import", ":memory:",
// "--csv" and "-1" are something else without them.
std::size_t BytesOfOwnMark(std::string_view text, std::size_t begin);

// Whether what stands between these two places may be left out: it is enclosed by two marks that
// belong together.
bool Encloses(unsigned before, unsigned after);

struct PlacedWord {
  std::string word;                 // as SplitWords gives it
  std::string own_mark;             // in front of it (BytesOfOwnMark)
  unsigned marks_before = kNoMark;  // between it and the word before
};
// SplitWords with what parts the words.
std::vector<PlacedWord> PlaceWords(std::string_view text);

bool HoldsDigit(std::string_view word);
// A capital directly behind a small letter, as in "getElementById".
bool HoldsInnerCapital(std::string_view word);

// Words in lower case.
bool IsFunctionWord(std::string_view word);
// Function words, and "however", "even" and the like.
bool IsLightWord(std::string_view word);
// "not", "nobody", "don't" and the like.
bool IsNegation(std::string_view word);
// The first five letters in lower case; all of them of a number and of a name with an underscore
// or an inner capital ("journal_mode" is not "journal_size_limit"). The word as it is spelt, or in
// lower case where capitals do not count.
std::string StemOf(std::string_view word);
// Of the words (in lower case) that are no function words.
std::set<std::string> ContentStems(std::span<const std::string> words);
// Every function word.
std::vector<std::string_view> FunctionWords();

}  // namespace fovea
