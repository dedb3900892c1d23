#include "tools/squad.h"

#include <utf8proc.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "lib/base/error.h"
#include "lib/base/file.h"
#include "lib/text/utf8.h"

namespace fovea::tools {
namespace {

// string.punctuation of Python.
constexpr std::string_view kPunctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

// What Python's str.split() separates at.
bool IsPythonSpace(char32_t c) {
  if ((c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20) || c == 0x85) return true;
  const auto category = utf8proc_category(static_cast<utf8proc_int32_t>(c));
  return category == UTF8PROC_CATEGORY_ZS || category == UTF8PROC_CATEGORY_ZL ||
         category == UTF8PROC_CATEGORY_ZP;
}

// What Python's \w matches, so that \b stands between the others and these: letters, digits and
// numbers, "_".
bool IsPythonWord(char32_t c) {
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
      return true;
    default:
      return c == '_';
  }
}

std::u32string LowerWithoutPunctuation(std::string_view text) {
  std::u32string out;
  for (std::size_t at = 0; at < text.size();) {
    const Utf8Char c = DecodeUtf8(text, at);
    at += static_cast<std::size_t>(c.length);
    if (c.code_point < 0x80 &&
        kPunctuation.find(static_cast<char>(c.code_point)) != std::string_view::npos)
      continue;
    if (c.code_point == 0x130) {  // The one letter whose lower case is two characters.
      out += U"i\u0307";
      continue;
    }
    out += static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c.code_point)));
  }
  return out;
}

// re.sub(r"\b(a|an|the)\b", " ", text)
std::u32string WithoutArticles(const std::u32string& text) {
  std::u32string out;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at;
    while (end < text.size() && IsPythonWord(text[end])) ++end;
    const std::u32string_view word = std::u32string_view(text).substr(at, end - at);
    if (word == U"a" || word == U"an" || word == U"the") {
      out += U' ';
    } else {
      out += word;
    }
    if (end < text.size()) out += text[end++];
    at = end;
  }
  return out;
}

std::vector<std::string> Words(std::string_view normalized) {
  std::vector<std::string> words;
  for (std::size_t at = 0; at < normalized.size();) {
    const std::size_t end = std::min(normalized.find(' ', at), normalized.size());
    if (end > at) words.emplace_back(normalized.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

double F1OfWords(const std::vector<std::string>& prediction, const std::vector<std::string>& gold) {
  if (prediction.empty() || gold.empty()) return prediction == gold ? 1 : 0;
  std::map<std::string, int> counts;
  for (const std::string& word : gold) ++counts[word];
  int same = 0;
  for (const std::string& word : prediction) same += counts[word]-- > 0;
  if (same == 0) return 0;
  const double precision = static_cast<double>(same) / static_cast<double>(prediction.size());
  const double recall = static_cast<double>(same) / static_cast<double>(gold.size());
  return 2 * precision * recall / (precision + recall);
}

// The gold answers that count: those that normalise to something, else "" alone.
std::vector<std::string> NormalizedGold(std::span<const std::string> gold) {
  std::vector<std::string> normalized;
  for (const std::string& answer : gold) {
    if (std::string text = NormalizeAnswer(answer); !text.empty())
      normalized.push_back(std::move(text));
  }
  if (normalized.empty()) normalized.emplace_back();
  return normalized;
}

SquadQuestion ParseQuestion(const nlohmann::json& qa, std::size_t paragraph) {
  SquadQuestion question{
      qa.at("id").get<std::string>(), qa.at("question").get<std::string>(), {}, paragraph};
  if (!qa.value("is_impossible", false)) {
    for (const nlohmann::json& answer : qa.at("answers"))
      question.answers.push_back(answer.at("text"));
  }
  return question;
}

void ParseSquad(const nlohmann::json& json, SquadFile& out) {
  const std::string version = json.value("version", "");
  out.version_2 = version.starts_with("v2") || version.starts_with("2");
  std::map<std::string, std::size_t> paragraphs_of_title;
  for (const nlohmann::json& article : json.at("data")) {
    const std::string title = article.value("title", "");
    std::size_t& number = paragraphs_of_title[title];
    for (const nlohmann::json& paragraph : article.at("paragraphs")) {
      for (const nlohmann::json& qa : paragraph.at("qas")) {
        out.version_2 = out.version_2 || qa.value("is_impossible", false);
        out.questions.push_back(ParseQuestion(qa, out.paragraphs.size()));
      }
      out.paragraphs.push_back(
          {title + "#" + std::to_string(number++), title, paragraph.at("context")});
    }
  }
}

}  // namespace

SquadFile ReadSquad(const std::filesystem::path& file) {
  const std::string text = ReadFile(file);
  SquadFile squad;
  try {
    ParseSquad(nlohmann::json::parse(text), squad);
  } catch (const nlohmann::json::exception& error) {
    throw Error(ErrorCode::kInvalidArgument, file.string() + ": not a SQuAD file: " + error.what());
  }
  return squad;
}

std::string NormalizeAnswer(std::string_view text) {
  std::string out;
  bool space_owed = false;
  for (const char32_t c : WithoutArticles(LowerWithoutPunctuation(text))) {
    if (IsPythonSpace(c)) {
      space_owed = !out.empty();
      continue;
    }
    if (space_owed) out += ' ';
    space_owed = false;
    AppendUtf8(c, out);
  }
  return out;
}

double ExactMatch(std::string_view prediction, std::span<const std::string> gold) {
  const std::vector<std::string> accepted = NormalizedGold(gold);
  return std::find(accepted.begin(), accepted.end(), NormalizeAnswer(prediction)) != accepted.end()
             ? 1
             : 0;
}

double F1(std::string_view prediction, std::span<const std::string> gold) {
  const std::vector<std::string> words = Words(NormalizeAnswer(prediction));
  double best = 0;
  for (const std::string& answer : NormalizedGold(gold))
    best = std::max(best, F1OfWords(words, Words(answer)));
  return best;
}

bool ContainsAnswer(std::string_view text, std::span<const std::string> gold) {
  const std::string haystack = " " + NormalizeAnswer(text) + " ";
  for (const std::string& answer : NormalizedGold(gold)) {
    if (!answer.empty() && haystack.find(" " + answer + " ") != std::string::npos) return true;
  }
  return false;
}

std::size_t CountWords(std::string_view text) {
  std::size_t words = 0;
  bool inside = false;
  for (std::size_t at = 0; at < text.size();) {
    const Utf8Char c = DecodeUtf8(text, at);
    at += static_cast<std::size_t>(c.length);
    const bool space = IsPythonSpace(c.code_point);
    words += !space && !inside;
    inside = !space;
  }
  return words;
}

bool ReplyContains(std::string_view reply, std::span<const std::string> gold) {
  constexpr std::size_t kReplyWords = 40;
  return CountWords(reply) <= kReplyWords && ContainsAnswer(reply, gold);
}

}  // namespace fovea::tools
