#include "generator/grounding.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "generator/words.h"
#include "lib/base/ascii.h"
#include "lib/text/sentences.h"

namespace fovea {
namespace {

constexpr std::string_view kSpace = " \t\r\n\f\v";

// A word that counts: not a light one, but forms of "to be" do.
struct Word {
  std::string stem;
  unsigned marks_before = kNoMark;  // between it and the word that counts before it
  bool begins_clause = false;       // behind a mark, or "that"
};

struct Words {
  std::vector<Word> order;
  bool negated = false;
  bool begin_with_pronoun = false;

  bool Hold(std::string_view stem) const {
    return std::any_of(order.begin(), order.end(),
                       [&](const Word& word) { return word.stem == stem; });
  }
};

constexpr std::string_view kBeing = "be";

bool IsBeing(std::string_view word) {
  constexpr auto kForms =
      std::to_array<std::string_view>({"am", "are", "be", "been", "being", "is", "was", "were"});
  return std::find(kForms.begin(), kForms.end(), word) != kForms.end();
}

bool IsPronoun(std::string_view word) {
  constexpr auto kPronouns = std::to_array<std::string_view>(
      {"he", "her", "his", "it", "its", "she", "their", "these", "they", "this", "those"});
  return std::find(kPronouns.begin(), kPronouns.end(), word) != kPronouns.end();
}

Words WordsOf(std::string_view text) {
  Words words;
  words.negated =
      text.find("n't") != std::string_view::npos || text.find("n’t") != std::string_view::npos;
  bool first = true;
  unsigned marks = kNoMark;
  bool begins_clause = true;
  for (const PlacedWord& placed : PlaceWords(text)) {
    const std::string word = AsciiLower(placed.word);
    words.negated |= IsNegation(word);
    words.begin_with_pronoun |= first && IsPronoun(word);
    first = false;
    marks |= placed.marks_before;
    begins_clause |= marks != kNoMark || word == "that";
    const bool marked = !placed.own_mark.empty();
    const bool being = !marked && IsBeing(word);
    if (!being && !marked && !HoldsDigit(word) && IsLightWord(word)) continue;
    words.order.push_back({being ? std::string(kBeing) : placed.own_mark + StemOf(placed.word),
                           marks, begins_clause});
    marks = kNoMark;
    begins_clause = false;
  }
  return words;
}

// Whether the words stand in `evidence` in that order, one after the other; what is jumped over is
// enclosed by two marks. A statement that is more than a few words about something begins with a
// clause: what stands in the middle of one may belong to something else.
bool StandIn(std::span<const Word> words, std::span<const Word> evidence) {
  constexpr std::size_t kPhraseWords = 6;
  const bool phrase = words.size() <= kPhraseWords &&
                      std::none_of(words.begin(), words.end(),
                                   [](const Word& word) { return word.stem == kBeing; });
  std::vector<bool> reached(evidence.size(), false);
  for (std::size_t w = 0; w < words.size(); ++w) {
    std::vector<bool> next(evidence.size(), false);
    std::set<unsigned> opened;  // marks behind words that were reached
    for (std::size_t e = 0; e < evidence.size(); ++e) {
      const bool follows = e > 0 && reached[e - 1];
      if (follows) opened.insert(evidence[e].marks_before);
      if (evidence[e].stem != words[w].stem) continue;
      next[e] = w == 0 ? phrase || evidence[e].begins_clause
                       : follows || std::any_of(opened.begin(), opened.end(), [&](unsigned marks) {
                           return Encloses(marks, evidence[e].marks_before);
                         });
    }
    reached = std::move(next);
  }
  return std::find(reached.begin(), reached.end(), true) != reached.end();
}

// A small decoder that has lost its way says the same again and again; a sentence that means
// something hardly ever holds the same four words in a row twice.
bool Loops(std::string_view statement) {
  const std::vector<std::string> words = LowerWords(statement);
  std::set<std::vector<std::string>> seen;
  for (auto word = words.begin(); words.end() - word >= 4; ++word) {
    if (!seen.insert({word, word + 4}).second) return true;
  }
  return false;
}

// Whether it says of something that it is the same thing: "The Renaissance was the Renaissance
// era."
bool IsTautology(std::string_view statement) {
  constexpr auto kCopulas = std::to_array<std::string_view>({"are", "be", "is", "was", "were"});
  const std::vector<std::string> words = LowerWords(statement);
  const auto copula =
      std::find_first_of(words.begin(), words.end(), kCopulas.begin(), kCopulas.end());
  const std::set<std::string> before = ContentStems({words.begin(), copula});
  const std::set<std::string> after = ContentStems({copula, words.end()});
  const auto holds = [](const std::set<std::string>& all, const std::set<std::string>& part) {
    return std::includes(all.begin(), all.end(), part.begin(), part.end());
  };
  return !before.empty() && !after.empty() && (holds(before, after) || holds(after, before));
}

// Whether the words differ by at most one letter more, less or other.
bool WithinOneLetter(std::string_view a, std::string_view b) {
  if (a.size() > b.size()) std::swap(a, b);
  if (b.size() - a.size() > 1) return false;
  const auto [in_a, in_b] = std::mismatch(a.begin(), a.end(), b.begin());
  const std::string_view rest_a(in_a, a.end());
  const std::string_view rest_b(in_b, b.end());
  if (rest_b.empty()) return true;
  return rest_a.substr(a.size() == b.size() ? 1 : 0) == rest_b.substr(1);
}

bool SameWord(std::string_view asked, std::string_view word) {
  if (asked == word) return true;
  if (asked.size() < kStemBytes || HoldsDigit(asked)) return false;
  // In a short word another letter makes another word: "honey", "money".
  constexpr std::size_t kMisspeltLetters = 7;
  return StemOf(asked) == StemOf(word) ||
         (asked.size() >= kMisspeltLetters && WithinOneLetter(asked, word));
}

// The words that say what is asked about.
std::vector<std::string> Subjects(std::string_view question) {
  std::vector<std::string> subjects;
  bool measured = false;
  for (const std::string& word : LowerWords(question)) {
    if (!measured && !IsFunctionWord(word)) subjects.push_back(word);
    measured = word == "how";
  }
  return subjects;
}

bool BearsOut(const Words& evidence, const Words& statement, const Words& question) {
  std::span<const Word> said = statement.order;
  const bool says =
      std::any_of(said.begin(), said.end(), [](const Word& word) { return word.stem != kBeing; });
  if (!says || statement.negated != evidence.negated) return false;
  // What the statement is about may stand there as a pronoun.
  while (evidence.begin_with_pronoun && said.size() > 1 && question.Hold(said.front().stem) &&
         !evidence.Hold(said.front().stem))
    said = said.subspan(1);
  return StandIn(said, evidence.order);
}

}  // namespace

bool BearsOut(std::string_view evidence, std::string_view statement, std::string_view question) {
  return BearsOut(WordsOf(evidence), WordsOf(statement), WordsOf(question));
}

bool IsAbout(std::string_view question, const Passage& passage) {
  const std::vector<std::string> subjects = Subjects(question);
  if (subjects.empty()) return true;
  const std::string_view texts[] = {passage.title, passage.heading, passage.text};
  return std::any_of(std::begin(texts), std::end(texts), [&](std::string_view text) {
    const std::vector<std::string> words = LowerWords(text);
    return std::any_of(words.begin(), words.end(), [&](const std::string& word) {
      return std::any_of(subjects.begin(), subjects.end(),
                         [&](const std::string& subject) { return SameWord(subject, word); });
    });
  });
}

bool Repeats(std::string_view sentence, std::string_view question) {
  if (sentence.find('?') == std::string_view::npos) return false;
  return HoldsRun(LowerWords(sentence), LowerWords(question));
}

std::vector<GroundedStatement> Ground(std::string_view answer,
                                      std::span<const EvidenceSentence> evidence,
                                      std::string_view question) {
  std::vector<Words> evidence_words;
  for (const EvidenceSentence& sentence : evidence)
    evidence_words.push_back(WordsOf(sentence.text));
  const Words question_words = WordsOf(question);
  std::vector<GroundedStatement> statements;
  std::set<std::string> said;
  for (const ByteRange range : SplitSentences(answer)) {
    GroundedStatement statement;
    statement.text = CollapseSpace(Slice(answer, range));
    if (!said.insert(statement.text).second || Loops(statement.text) || IsTautology(statement.text))
      break;
    const Words words = WordsOf(statement.text);
    bool supported = false;
    for (std::size_t i = 0; i < evidence.size(); ++i) {
      if (!BearsOut(evidence_words[i], words, question_words) ||
          (supported && evidence[i].weight <= evidence[statement.evidence].weight))
        continue;
      supported = true;
      statement.evidence = i;
    }
    if (!supported) break;
    statements.push_back(std::move(statement));
  }
  return statements;
}

std::string CollapseSpace(std::string_view text) {
  std::string collapsed;
  for (std::size_t at = text.find_first_not_of(kSpace); at != std::string_view::npos;) {
    const std::size_t end = std::min(text.find_first_of(kSpace, at), text.size());
    if (!collapsed.empty()) collapsed += ' ';
    collapsed.append(text.substr(at, end - at));
    at = text.find_first_not_of(kSpace, end);
  }
  return collapsed;
}

std::string CutWords(std::string_view text, int words, std::string_view part) {
  const std::string whole = CollapseSpace(text);
  const int all = CountWords(whole);
  if (all <= words) return whole;
  // Half of what is left over goes before the part.
  int first = 0;
  if (const std::size_t at = whole.find(part); !part.empty() && at != std::string::npos) {
    const auto before = static_cast<int>(std::count(whole.begin(), whole.begin() + at, ' '));
    first = std::clamp(before - (words - CountWords(part)) / 2, 0, all - words);
    first = std::min(first, before);
  }
  const auto word_begin = [&](int word) {
    std::size_t at = 0;
    for (; word > 0; --word) at = whole.find(' ', at) + 1;
    return at;
  };
  const std::size_t begin = word_begin(first);
  const std::size_t end = first + words < all ? word_begin(first + words) : whole.size() + 1;
  std::string cut = words > 0 ? whole.substr(begin, end - 1 - begin) : std::string();
  if (first > 0) cut = "… " + cut;
  if (end <= whole.size()) cut += " …";
  return cut;
}

int CountWords(std::string_view text) {
  const std::string collapsed = CollapseSpace(text);
  return collapsed.empty()
             ? 0
             : 1 + static_cast<int>(std::count(collapsed.begin(), collapsed.end(), ' '));
}

}  // namespace fovea
