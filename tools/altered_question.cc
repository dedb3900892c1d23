#include "tools/altered_question.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "lib/base/byte_range.h"
#include "retriever/stop_words.h"

namespace fovea::tools {
namespace {

bool IsUpper(char c) { return c >= 'A' && c <= 'Z'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
char Lower(char c) { return IsUpper(c) ? static_cast<char>(c - 'A' + 'a') : c; }
bool IsWordByte(char c) {
  return IsDigit(c) || IsUpper(c) || IsUpper(static_cast<char>(c - 'a' + 'A')) ||
         static_cast<unsigned char>(c) >= 0x80;
}

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(), Lower);
  return lower;
}

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
    if (!IsUpper(text[word.begin]) || (words == 0 && IsStopWord(Slice(text, word)))) {
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

void AddNames(std::string_view question, std::string_view context, Random& random,
              std::vector<Change>& changes) {
  const std::string lower = LowerCase(question);
  const std::vector<std::string> names = NamesOf(context);
  std::vector<std::string> others;
  for (const std::string& name : names) {
    if (!Find(lower, LowerCase(name))) others.push_back(name);
  }
  if (others.empty()) return;
  const bool cased =
      std::any_of(question.begin() + (question.empty() ? 0 : 1), question.end(), IsUpper);
  for (const std::string& name : names) {
    const std::optional<ByteRange> range = Find(lower, LowerCase(name));
    if (!range) continue;
    const std::string& other = others[random() % others.size()];
    changes.push_back({*range, cased ? other : LowerCase(other)});
  }
}

void AddNumbers(std::string_view question, Random& random, std::vector<Change>& changes) {
  for (const ByteRange word : WordsOf(question)) {
    const std::string_view digits = Slice(question, word);
    if (!std::all_of(digits.begin(), digits.end(), IsDigit)) continue;
    // Another last digit: of the same length, and as likely as the first.
    std::string other(digits);
    other.back() = static_cast<char>('0' + (other.back() - '0' + 1 + random() % 9) % 10);
    changes.push_back({word, std::move(other)});
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
                                         std::mt19937_64& random) {
  // One list a kind, so that the kinds are drawn alike.
  std::vector<std::vector<Change>> kinds(4);
  AddNames(question, context, random, kinds[0]);
  AddNumbers(question, random, kinds[1]);
  AddOpposites(question, kinds[2]);
  // Every question can be negated; the others say more about what is read.
  if (random() % 4 == 0) AddNegation(question, kinds[3]);
  std::erase_if(kinds, [](const std::vector<Change>& changes) { return changes.empty(); });
  if (kinds.empty()) return std::nullopt;
  const std::vector<Change>& kind = kinds[random() % kinds.size()];
  const Change& change = kind[random() % kind.size()];
  std::string altered(question);
  altered.replace(change.range.begin, change.range.end - change.range.begin, change.by);
  return altered;
}

}  // namespace fovea::tools
