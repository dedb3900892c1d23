#include "generator/grounding.h"

#include <algorithm>
#include <set>

#include "lib/base/ascii.h"
#include "lib/text/sentences.h"

namespace fovea {
namespace {

constexpr std::size_t kStemLetters = 5;
constexpr std::string_view kSpace = " \t\r\n\f\v";

bool IsNameByte(char c) { return IsWordByte(c) || c == '_'; }

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

// Words as they are compared: in lower case, "4,401" without its comma.
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
      word += AsciiLower(text[at]);
    }
    words.push_back(std::move(word));
  }
  return words;
}

struct Words {
  std::set<std::string> stems;    // kStemLetters at most, function words left out
  std::set<std::string> numbers;  // words that hold a digit, whole
};

Words WordsOf(std::string_view text) {
  Words words;
  for (const std::string& word : SplitWords(text)) {
    if (std::any_of(word.begin(), word.end(), IsAsciiDigit)) {
      words.numbers.insert(word);
      words.stems.insert(word);
    } else if (!kFunctionWords.contains(word)) {
      words.stems.insert(word.substr(0, kStemLetters));
    }
  }
  return words;
}

// A small decoder that has lost its way says the same again and again; a sentence that means
// something hardly ever holds the same four words in a row twice.
bool Loops(std::string_view statement) {
  const std::vector<std::string> words = SplitWords(statement);
  std::set<std::vector<std::string>> seen;
  for (auto word = words.begin(); words.end() - word >= 4; ++word) {
    if (!seen.insert({word, word + 4}).second) return true;
  }
  return false;
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
  if (asked.size() < kStemLetters || std::any_of(asked.begin(), asked.end(), IsAsciiDigit))
    return false;
  // In a short word another letter makes another word: "honey", "money".
  constexpr std::size_t kMisspeltLetters = 7;
  return asked.substr(0, kStemLetters) == word.substr(0, kStemLetters) ||
         (asked.size() >= kMisspeltLetters && WithinOneLetter(asked, word));
}

// The words that say what is asked about.
std::vector<std::string> Subjects(std::string_view question) {
  std::vector<std::string> subjects;
  bool measured = false;
  for (const std::string& word : SplitWords(question)) {
    if (!measured && !kFunctionWords.contains(word)) subjects.push_back(word);
    measured = word == "how";
  }
  return subjects;
}

double Support(const Words& statement, const Words& evidence, const Words& question) {
  for (const std::string& number : statement.numbers) {
    if (!evidence.numbers.contains(number) && !question.numbers.contains(number)) return 0;
  }
  std::size_t fresh = 0;
  std::size_t fresh_found = 0;
  std::size_t found = 0;
  for (const std::string& word : statement.stems) {
    const bool here = evidence.stems.contains(word);
    found += here;
    if (question.stems.contains(word)) continue;
    ++fresh;
    fresh_found += here;
  }
  if (fresh > 0) return static_cast<double>(fresh_found) / static_cast<double>(fresh);
  if (statement.stems.empty()) return 0;
  return static_cast<double>(found) / static_cast<double>(statement.stems.size());
}

}  // namespace

double Support(std::string_view statement, std::string_view evidence, std::string_view question) {
  return Support(WordsOf(statement), WordsOf(evidence), WordsOf(question));
}

bool IsAbout(std::string_view question, const Passage& passage) {
  const std::vector<std::string> subjects = Subjects(question);
  if (subjects.empty()) return true;
  const std::string_view texts[] = {passage.title, passage.heading, passage.text};
  return std::any_of(std::begin(texts), std::end(texts), [&](std::string_view text) {
    const std::vector<std::string> words = SplitWords(text);
    return std::any_of(words.begin(), words.end(), [&](const std::string& word) {
      return std::any_of(subjects.begin(), subjects.end(),
                         [&](const std::string& subject) { return SameWord(subject, word); });
    });
  });
}

bool Repeats(std::string_view sentence, std::string_view question) {
  if (sentence.find('?') == std::string_view::npos) return false;
  const std::vector<std::string> said = SplitWords(sentence);
  const std::vector<std::string> asked = SplitWords(question);
  return !asked.empty() &&
         std::search(said.begin(), said.end(), asked.begin(), asked.end()) != said.end();
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
    if (!said.insert(statement.text).second || Loops(statement.text)) break;
    const Words words = WordsOf(statement.text);
    float weight = -1;
    for (std::size_t i = 0; i < evidence.size(); ++i) {
      const double support = Support(words, evidence_words[i], question_words);
      if (support < statement.support ||
          (support == statement.support && evidence[i].weight <= weight))
        continue;
      statement.support = support;
      statement.evidence = i;
      weight = evidence[i].weight;
    }
    if (statement.support < kLeastSupport) break;
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

std::string CutWords(std::string_view text, int words) {
  std::string cut = CollapseSpace(text);
  std::size_t at = 0;
  for (int i = 0; i < words; ++i) {
    at = cut.find(' ', at);
    if (at == std::string::npos) return cut;
    ++at;
  }
  cut.resize(at > 0 ? at - 1 : 0);
  return cut;
}

int CountWords(std::string_view text) {
  const std::string collapsed = CollapseSpace(text);
  return collapsed.empty()
             ? 0
             : 1 + static_cast<int>(std::count(collapsed.begin(), collapsed.end(), ' '));
}

}  // namespace fovea
