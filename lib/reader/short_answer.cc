#include "lib/reader/short_answer.h"

#include <algorithm>
#include <array>
#include <set>
#include <string>

#include "lib/base/ascii.h"

namespace fovea {
namespace {

constexpr std::size_t kSpans = 5;

struct Word {
  ByteRange range;
  std::string lower;
  bool capital = false;
  bool digit = false;  // starts with one
};

// Runs of letters and digits; "4,401", "3.5", "O'Neil", "twenty-one" are one word.
std::vector<Word> Words(std::string_view text) {
  std::vector<Word> words;
  for (std::size_t at = 0; at < text.size();) {
    if (!IsWordByte(text[at])) {
      ++at;
      continue;
    }
    Word word;
    word.range.begin = at;
    const auto joins = [&](std::size_t i) {
      if (i + 1 >= text.size() || !IsWordByte(text[i + 1])) return false;
      if (text[i] == '\'' || text[i] == '-') return true;
      return (text[i] == ',' || text[i] == '.') && IsAsciiDigit(text[i - 1]) &&
             IsAsciiDigit(text[i + 1]);
    };
    while (at < text.size() && (IsWordByte(text[at]) || joins(at)))
      word.lower += AsciiLower(text[at++]);
    word.range.end = at;
    word.capital = IsAsciiUpper(text[word.range.begin]);
    word.digit = IsAsciiDigit(text[word.range.begin]);
    words.push_back(std::move(word));
  }
  return words;
}

const std::set<std::string_view> kMonths = {"january",   "february", "march",    "april",
                                            "may",       "june",     "july",     "august",
                                            "september", "october",  "november", "december"};
const std::set<std::string_view> kNumbers = {"two",    "three",  "four",    "five",     "six",
                                             "seven",  "eight",  "nine",    "ten",      "eleven",
                                             "twelve", "twenty", "hundred", "thousand", "million"};
const std::set<std::string_view> kScales = {"percent",  "million",  "billion",
                                            "trillion", "thousand", "hundred"};
const std::set<std::string_view> kLinks = {"of",  "the", "and", "de", "van",
                                           "von", "for", "la",  "del"};
// Words that follow a number but are no unit of it.
const std::set<std::string_view> kNoUnits = {
    "a",     "as",    "at",   "because", "but", "by",    "during", "from", "had",
    "has",   "have",  "if",   "in",      "is",  "it",    "its",    "on",   "or",
    "per",   "than",  "that", "their",   "to",  "was",   "were",   "when", "where",
    "which", "while", "who",  "with",    "are", "after", "before", "per",  "into"};

bool IsYear(const Word& word) {
  return word.lower.size() == 4 && word.digit && (word.lower[0] == '1' || word.lower[0] == '2') &&
         std::all_of(word.lower.begin(), word.lower.end(), IsAsciiDigit);
}

bool Adjacent(std::string_view text, const Word& left, const Word& right) {
  const std::string_view between = text.substr(left.range.end, right.range.begin - left.range.end);
  return between == " " || between == ", ";
}

// "4 March 1789", "March 4, 1789", "March 1789", "1789".
std::optional<ByteRange> FindDate(std::string_view text, const std::vector<Word>& words,
                                  const std::set<std::string>& known) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    const bool month = words[i].capital && kMonths.contains(words[i].lower);
    if (!month && !IsYear(words[i])) continue;
    if (known.contains(words[i].lower)) continue;
    std::size_t first = i;
    std::size_t last = i;
    const auto part = [&](const Word& word) {
      return word.digit || (word.capital && kMonths.contains(word.lower));
    };
    while (first > 0 && part(words[first - 1]) && Adjacent(text, words[first - 1], words[first]))
      --first;
    while (last + 1 < words.size() && part(words[last + 1]) &&
           Adjacent(text, words[last], words[last + 1]))
      ++last;
    return ByteRange{words[first].range.begin, words[last].range.end};
  }
  return std::nullopt;
}

// "$ 4.2 million", "4,401 metres", "42%", "twelve senators": a number, its scale and the unit
// behind it.
std::optional<ByteRange> FindNumber(std::string_view text, const std::vector<Word>& words,
                                    const std::set<std::string>& known) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (!words[i].digit && !kNumbers.contains(words[i].lower)) continue;
    if (known.contains(words[i].lower) || IsYear(words[i])) continue;
    ByteRange range = words[i].range;
    if (range.begin > 0 && text[range.begin - 1] == '$') --range.begin;
    if (range.end < text.size() && text[range.end] == '%')
      return ByteRange{range.begin, range.end + 1};
    for (std::size_t next = i + 1;
         next < words.size() && Adjacent(text, words[next - 1], words[next]); ++next) {
      const bool scale = kScales.contains(words[next].lower);
      const bool unit =
          !words[next].capital && !words[next].digit && !kLinks.contains(words[next].lower) &&
          !kNoUnits.contains(words[next].lower) && text[words[next - 1].range.end] == ' ' &&
          !known.contains(words[next].lower);
      if (scale || unit) range.end = words[next].range.end;
      if (!scale) break;
    }
    return range;
  }
  return std::nullopt;
}

// A run of capitalised words, linked by "of", "de", …; not the first word of the sentence alone.
std::optional<ByteRange> FindName(std::string_view text, const std::vector<Word>& words,
                                  const std::set<std::string>& known) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (!words[i].capital) continue;
    std::size_t last = i;
    std::size_t names = 1;
    bool fresh = !known.contains(words[i].lower);
    for (std::size_t next = i + 1;
         next < words.size() && Adjacent(text, words[next - 1], words[next]) &&
         text[words[next - 1].range.end] == ' ';
         ++next) {
      if (words[next].capital) {
        last = next;
        ++names;
        fresh = fresh && !known.contains(words[next].lower);
      } else if (!kLinks.contains(words[next].lower)) {
        break;
      }
    }
    if (fresh && (i > 0 || names > 1))
      return ByteRange{words[i].range.begin, words[last].range.end};
    i = last;
  }
  return std::nullopt;
}

}  // namespace

AnswerKind KindOfAnswer(std::string_view question) {
  const std::vector<Word> words = Words(question);
  static const std::set<std::string_view> dates = {"year",   "date", "century",
                                                   "decade", "day",  "month"};
  static const std::set<std::string_view> numbers = {
      "many", "much", "long",       "old",     "far",    "high",  "tall", "fast",
      "deep", "big",  "percentage", "percent", "number", "heavy", "large"};
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i].lower;
    const std::string_view next = i + 1 < words.size() ? std::string_view(words[i + 1].lower) : "";
    if (word == "when") return i == 0 ? AnswerKind::kDate : AnswerKind::kSentence;
    if (word == "how") return numbers.contains(next) ? AnswerKind::kNumber : AnswerKind::kSentence;
    if (word == "what" || word == "which") {
      if (dates.contains(next)) return AnswerKind::kDate;
      if (numbers.contains(next)) return AnswerKind::kNumber;
      return AnswerKind::kSentence;
    }
    if (word == "who" || word == "whom" || word == "whose" || word == "where")
      return AnswerKind::kName;
  }
  return AnswerKind::kSentence;
}

std::optional<ByteRange> FindAnswer(std::string_view sentence, AnswerKind kind,
                                    std::string_view question) {
  std::set<std::string> known;
  for (Word& word : Words(question)) known.insert(std::move(word.lower));
  const std::vector<Word> words = Words(sentence);
  switch (kind) {
    case AnswerKind::kDate:
      return FindDate(sentence, words, known);
    case AnswerKind::kNumber:
      return FindNumber(sentence, words, known);
    case AnswerKind::kName:
      return FindName(sentence, words, known);
    case AnswerKind::kSentence:
      break;
  }
  return std::nullopt;
}

std::vector<AnswerSpan> ShortAnswers(std::string_view question,
                                     std::span<const ReaderInput> passages,
                                     std::span<const PassageReading> readings) {
  std::vector<AnswerSpan> spans;
  for (std::size_t p = 0; p < readings.size(); ++p) {
    for (const SentenceWeight& sentence : readings[p].sentences) {
      spans.push_back({p, sentence.range, sentence.weight});
    }
  }
  std::stable_sort(spans.begin(), spans.end(),
                   [](const AnswerSpan& a, const AnswerSpan& b) { return a.score > b.score; });
  if (spans.size() > kSpans) spans.resize(kSpans);
  const AnswerKind kind = KindOfAnswer(question);
  for (AnswerSpan& span : spans) {
    const std::string_view sentence = Slice(passages[span.passage].passage->text, span.range);
    if (const auto part = FindAnswer(sentence, kind, question)) {
      span.range = {span.range.begin + part->begin, span.range.begin + part->end};
    }
  }
  return spans;
}

}  // namespace fovea
