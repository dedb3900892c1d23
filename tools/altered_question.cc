#include "tools/altered_question.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "lib/base/ascii.h"
#include "lib/base/byte_range.h"
#include "retriever/stop_words.h"
#include "tools/near_words.h"

namespace fovea::tools {
namespace {

std::vector<ByteRange> WordsOf(std::string_view text) {
  std::vector<ByteRange> words;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = at;
    while (at < text.size() && IsWordByte(text[at])) ++at;
    if (at > begin) {
      words.push_back({begin, at});
    } else {
      ++at;
    }
  }
  return words;
}

bool BeginsSentence(std::string_view text, std::size_t at) {
  while (at > 0 && (text[at - 1] == ' ' || text[at - 1] == '\n' || text[at - 1] == '"')) --at;
  return at == 0 || text[at - 1] == '.' || text[at - 1] == '?' || text[at - 1] == '!';
}

// Runs of capitalised words one space apart, function words at their beginning ("The") left out,
// and so are single words that have their capital from the sentence.
std::vector<std::string> NamesOf(std::string_view text) {
  std::vector<std::string> names;
  ByteRange run = {0, 0};
  std::size_t words = 0;
  const auto end_run = [&] {
    if (words > 1 || (words == 1 && !BeginsSentence(text, run.begin)))
      names.emplace_back(Slice(text, run));
    words = 0;
  };
  for (const ByteRange word : WordsOf(text)) {
    if (words > 0 && (word.begin != run.end + 1 || text[run.end] != ' ')) end_run();
    if (!IsAsciiUpper(text[word.begin]) || (words == 0 && IsStopWord(Slice(text, word)))) {
      end_run();
      continue;
    }
    run = {words > 0 ? run.begin : word.begin, word.end};
    ++words;
  }
  end_run();
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

// Where `part` stands in `text` as whole words; both in lower case.
std::optional<ByteRange> Find(std::string_view text, std::string_view part) {
  for (std::size_t at = text.find(part); at != std::string_view::npos;
       at = text.find(part, at + 1)) {
    const std::size_t end = at + part.size();
    if ((at == 0 || !IsWordByte(text[at - 1])) && (end == text.size() || !IsWordByte(text[end])))
      return ByteRange{at, end};
  }
  return std::nullopt;
}

struct Change {
  ByteRange range;  // of the question; empty: what is put in between
  std::string by;
};

using Random = std::mt19937_64;

constexpr auto kNumberWords = std::to_array<std::string_view>(
    {"two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven"});
constexpr auto kOrdinals =
    std::to_array<std::string_view>({"first", "second", "third", "fourth", "fifth", "sixth",
                                     "seventh", "eighth", "ninth", "tenth"});

void AddNames(std::string_view question, std::string_view context, Random& random,
              std::vector<Change>& changes) {
  const std::string lower = AsciiLower(question);
  const std::vector<std::string> names = NamesOf(context);
  std::vector<std::string> others;
  for (const std::string& name : names) {
    if (!Find(lower, AsciiLower(name))) others.push_back(name);
  }
  if (others.empty()) return;
  const bool cased =
      std::any_of(question.begin() + (question.empty() ? 0 : 1), question.end(), IsAsciiUpper);
  for (const std::string& name : names) {
    const std::optional<ByteRange> range = Find(lower, AsciiLower(name));
    if (!range) continue;
    const std::string& other = others[random() % others.size()];
    changes.push_back({*range, cased ? other : AsciiLower(other)});
  }
}

void AddNumbers(std::string_view question, Random& random, std::vector<Change>& changes) {
  const std::vector<ByteRange> words = WordsOf(question);
  for (const ByteRange word : words) {
    const std::string_view digits = Slice(question, word);
    if (!std::all_of(digits.begin(), digits.end(), IsAsciiDigit)) continue;
    // Another last digit: of the same length, and as likely as the first.
    std::string other(digits);
    other.back() = static_cast<char>('0' + (other.back() - '0' + 1 + random() % 9) % 10);
    changes.push_back({word, std::move(other)});
  }
  for (const auto& list : {kNumberWords, kOrdinals}) {
    for (const ByteRange word : words) {
      const auto found = std::find(list.begin(), list.end(), Slice(question, word));
      if (found == list.end()) continue;
      const auto at = static_cast<std::size_t>(found - list.begin());
      changes.push_back(
          {word, std::string(list[(at + 1 + random() % (list.size() - 1)) % list.size()])});
    }
  }
}

// Words that a noun or its adjective may follow.
constexpr auto kNounMarkers = std::to_array<std::string_view>(
    {"a",  "an", "at",  "by",  "for",   "from",  "her",  "his",   "in",   "its",
     "of", "on", "our", "the", "their", "these", "this", "those", "with", "your"});
static_assert(std::is_sorted(kNounMarkers.begin(), kNounMarkers.end()));

// Content words that stand where nouns do (behind an article or a preposition, or with a capital
// of their own).
std::vector<ByteRange> NounsOf(std::string_view text) {
  constexpr std::size_t kLetters = 3;
  std::vector<ByteRange> nouns;
  std::string before;
  for (const ByteRange word : WordsOf(text)) {
    const std::string_view spelt = Slice(text, word);
    std::string lower = AsciiLower(spelt);
    const bool marked = std::binary_search(kNounMarkers.begin(), kNounMarkers.end(), before);
    const bool name = IsAsciiUpper(spelt.front()) && !BeginsSentence(text, word.begin);
    if ((marked || name) && spelt.size() >= kLetters && !IsStopWord(spelt) &&
        !IsAsciiDigit(spelt.front()))
      nouns.push_back(word);
    before = std::move(lower);
  }
  return nouns;
}

// Nouns for nouns of the passage, plural for plural, a name's word for a name's word.
void AddNouns(std::string_view question, std::string_view context, Random& random,
              std::vector<Change>& changes) {
  const std::string lower = AsciiLower(question);
  std::vector<std::string_view> others;
  for (const ByteRange noun : NounsOf(context)) {
    if (!Find(lower, AsciiLower(Slice(context, noun)))) others.push_back(Slice(context, noun));
  }
  for (const ByteRange noun : NounsOf(question)) {
    const std::string_view word = Slice(question, noun);
    std::vector<std::string_view> alike;
    std::copy_if(others.begin(), others.end(), std::back_inserter(alike),
                 [&](std::string_view other) {
                   return IsAsciiUpper(other.front()) == IsAsciiUpper(word.front()) &&
                          (other.back() == 's') == (word.back() == 's');
                 });
    if (!alike.empty()) changes.push_back({noun, std::string(alike[random() % alike.size()])});
  }
}

// Two names or nouns that the passage holds change places: "Who did Ada see in Anna?". Not where
// "and" or "or" joins them: that says the same.
void AddExchanges(std::string_view question, std::string_view context,
                  std::vector<Change>& changes) {
  const std::string lower = AsciiLower(question);
  const std::string held = AsciiLower(context);
  std::vector<ByteRange> places;
  for (const std::string& name : NamesOf(context)) {
    if (const auto range = Find(lower, AsciiLower(name))) places.push_back(*range);
  }
  for (const ByteRange noun : NounsOf(question)) {
    const bool in_name = std::any_of(places.begin(), places.end(), [&](const ByteRange& place) {
      return noun.begin < place.end && place.begin < noun.end;
    });
    if (!in_name && Find(held, Slice(lower, noun))) places.push_back(noun);
  }
  std::sort(places.begin(), places.end(),
            [](const ByteRange& a, const ByteRange& b) { return a.begin < b.begin; });
  for (std::size_t i = 0; i < places.size(); ++i) {
    for (std::size_t j = i + 1; j < places.size(); ++j) {
      const ByteRange one = places[i], other = places[j];
      if (one.end >= other.begin) continue;  // parts of one name
      const std::string between(question.substr(one.end, other.begin - one.end));
      if (between == " " || Find(between, "and") || Find(between, "or")) continue;
      changes.push_back(
          {{one.begin, other.end},
           std::string(Slice(question, other)) + between + std::string(Slice(question, one))});
    }
  }
}

constexpr auto kOpposites = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"first", "last"},        {"largest", "smallest"},
    {"biggest", "smallest"},  {"highest", "lowest"},
    {"longest", "shortest"},  {"oldest", "newest"},
    {"earliest", "latest"},   {"best", "worst"},
    {"greatest", "least"},    {"strongest", "weakest"},
    {"richest", "poorest"},   {"fastest", "slowest"},
    {"most", "least"},        {"more", "less"},
    {"major", "minor"},       {"majority", "minority"},
    {"before", "after"},      {"beginning", "end"},
    {"began", "ended"},       {"begin", "end"},
    {"start", "stop"},        {"started", "stopped"},
    {"open", "close"},        {"opened", "closed"},
    {"increase", "decrease"}, {"increased", "decreased"},
    {"rise", "fall"},         {"rose", "fell"},
    {"gain", "lose"},         {"gained", "lost"},
    {"win", "lose"},          {"won", "lost"},
    {"accept", "reject"},     {"accepted", "rejected"},
    {"allowed", "forbidden"}, {"support", "oppose"},
    {"supported", "opposed"}, {"include", "exclude"},
    {"included", "excluded"}, {"north", "south"},
    {"northern", "southern"}, {"east", "west"},
    {"eastern", "western"},   {"upper", "lower"},
    {"male", "female"},       {"men", "women"},
    {"old", "new"},           {"early", "late"},
    {"high", "low"},          {"higher", "lower"},
    {"large", "small"},       {"larger", "smaller"},
    {"long", "short"},        {"longer", "shorter"},
    {"positive", "negative"}, {"internal", "external"},
    {"public", "private"},    {"import", "export"},
    {"above", "below"},       {"inside", "outside"},
    {"maximum", "minimum"},   {"common", "rare"},
    {"popular", "unpopular"}, {"successful", "failed"},
    {"built", "destroyed"},   {"created", "destroyed"},
    {"founded", "dissolved"}, {"joined", "left"},
    {"arrived", "departed"},  {"with", "without"},
    {"love", "hate"},         {"friend", "enemy"},
});

void AddOpposites(std::string_view question, std::vector<Change>& changes) {
  for (const ByteRange word : WordsOf(question)) {
    const std::string_view text = Slice(question, word);
    for (const auto& [one, other] : kOpposites) {
      if (text == one) changes.push_back({word, std::string(other)});
      if (text == other) changes.push_back({word, std::string(one)});
    }
  }
}

// Words that the passage holds for some near them that it does not.
void AddNearWords(std::string_view question, std::string_view context, const NearWords& near,
                  Random& random, std::vector<Change>& changes) {
  const std::string lower = AsciiLower(question);
  const std::string held = AsciiLower(context);
  for (const ByteRange range : WordsOf(question)) {
    const std::string word(Slice(lower, range));
    if (!Find(held, word)) continue;
    std::vector<std::string_view> others;
    for (const std::string& other : near.Of(word)) {
      if (!Find(held, other) && !Find(lower, other)) others.push_back(other);
    }
    if (others.empty()) continue;
    std::string other(others[random() % others.size()]);
    if (IsAsciiUpper(question[range.begin])) other.front() = AsciiUpper(other.front());
    changes.push_back({range, std::move(other)});
  }
}

// "not" behind the first auxiliary verb that has a word before it: "What did he not see?".
void AddNegation(std::string_view question, std::vector<Change>& changes) {
  constexpr auto kAuxiliaries =
      std::to_array<std::string_view>({"is", "are", "was", "were", "can", "could", "will", "would",
                                       "has", "have", "had", "should"});
  const std::vector<ByteRange> words = WordsOf(question);
  const auto any_of = [](std::string_view text, const auto& list) {
    return std::find(list.begin(), list.end(), text) != list.end();
  };
  constexpr auto kNegations = std::to_array<std::string_view>({"not", "never", "no"});
  for (const ByteRange word : words) {
    if (any_of(Slice(question, word), kNegations)) return;
  }
  for (const ByteRange word : words) {
    if (word.begin == 0 || !any_of(Slice(question, word), kAuxiliaries)) continue;
    changes.push_back({{word.end, word.end}, " not"});
    return;
  }
}

}  // namespace

std::optional<std::string> AlterQuestion(std::string_view question, std::string_view context,
                                         const NearWords& near, std::mt19937_64& random) {
  // One list a kind, so that the kinds are drawn alike.
  std::vector<std::vector<Change>> kinds(7);
  AddNames(question, context, random, kinds[0]);
  AddNouns(question, context, random, kinds[1]);
  AddNumbers(question, random, kinds[2]);
  AddOpposites(question, kinds[3]);
  AddNearWords(question, context, near, random, kinds[5]);
  AddExchanges(question, context, kinds[6]);
  // Every question can be negated; the others say more about what is read.
  if (random() % 4 == 0) AddNegation(question, kinds[4]);
  std::erase_if(kinds, [](const std::vector<Change>& changes) { return changes.empty(); });
  if (kinds.empty()) return std::nullopt;
  const std::vector<Change>& kind = kinds[random() % kinds.size()];
  const Change& change = kind[random() % kind.size()];
  std::string altered(question);
  altered.replace(change.range.begin, change.range.end - change.range.begin, change.by);
  return altered;
}

}  // namespace fovea::tools
