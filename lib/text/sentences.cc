#include "lib/text/sentences.h"

#include <algorithm>
#include <array>
#include <string>

#include "lib/base/ascii.h"
#include "lib/text/utf8.h"

namespace fovea {
namespace {

// Abbreviations are in lower case, without the final full stop.

// A full stop after these never ends a sentence.
constexpr std::array<std::string_view, 6> kAlways = {"approx", "cf", "e.g", "i.e", "viz", "vs"};

// Nor after these where they are written with a capital: "Gen. Grant", but "of the next gen. Then".
constexpr std::array<std::string_view, 30> kTitles = {
    "adm", "brig", "capt", "cmdr", "col", "cpl", "dr",  "fig", "figs", "fr",
    "gen", "gov",  "hon",  "lt",   "maj", "mr",  "mrs", "ms",  "mt",   "mx",
    "pfc", "pres", "prof", "rep",  "rev", "sen", "sgt", "sr",  "st",   "supt"};

// Nor after these in front of a number: "No. 5", "pp. 3", "Jan. 1".
constexpr std::array<std::string_view, 37> kBeforeNumber = {
    "app", "apr",  "art", "aug", "ca",   "ch",  "chap", "dec",  "ed",  "eq",  "eqs", "ex",  "feb",
    "fig", "figs", "jan", "jul", "jun",  "l",   "ll",   "mar",  "n",   "no",  "nos", "nov", "oct",
    "p",   "pp",   "pt",  "ref", "refs", "sec", "sep",  "sept", "ver", "vol", "vols"};

// These end one only if the next word is one that sentences like to begin with.
constexpr std::array<std::string_view, 24> kOften = {
    "a.d", "a.m", "al",  "assoc", "ave", "b.c",  "bros", "co",   "corp", "dept", "est",   "etc",
    "inc", "jr",  "ltd", "mfg",   "p.m", "ph.d", "plc",  "resp", "sr",   "univ", "w.r.t", "z.b"};

constexpr std::array<std::string_view, 55> kSentenceStarters = {
    "a",       "after",  "all",     "also",  "although", "an",    "and",   "any",  "as",   "at",
    "because", "before", "but",     "by",    "each",     "every", "for",   "from", "he",   "her",
    "his",     "how",    "however", "i",     "if",       "in",    "it",    "its",  "many", "most",
    "no",      "note",   "on",      "one",   "or",       "our",   "see",   "she",  "then", "since",
    "so",      "some",   "such",    "that",  "the",      "there", "these", "they", "this", "those",
    "to",      "we",     "when",    "while", "you"};

template <std::size_t N>
bool Contains(const std::array<std::string_view, N>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// The White_Space property of Unicode.
constexpr bool IsSpace(char32_t c) {
  return c == ' ' || (c >= 0x09 && c <= 0x0D) || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}

// Small letters of the Latin-1, Greek and Cyrillic blocks: enough to see that a sentence goes on.
constexpr bool IsLowerLetter(char32_t c) {
  return (c >= 'a' && c <= 'z') || (c >= 0xDF && c <= 0xFF && c != 0xF7) ||
         (c >= 0x3AC && c <= 0x3CE) || (c >= 0x430 && c <= 0x45F);
}

constexpr bool IsClosing(char32_t c) {
  return c == '"' || c == '\'' || c == ')' || c == ']' || c == '}' || c == '*' || c == '_' ||
         c == '`' || c == 0xBB || c == 0x2019 || c == 0x201D || c == 0x203A;
}

constexpr bool IsOpening(char32_t c) {
  return c == '"' || c == '\'' || c == '(' || c == '[' || c == '{' || c == '*' || c == '_' ||
         c == '`' || c == 0xAB || c == 0x2018 || c == 0x201C || c == 0x2039 || c == 0xBF ||
         c == 0xA1;
}

// Chinese and Japanese marks end a sentence without a space behind them.
constexpr bool IsWideTerminator(char32_t c) {
  return c == 0x3002 || c == 0xFF01 || c == 0xFF1F || c == 0xFF61;
}

constexpr bool IsTerminator(char32_t c) {
  return c == '.' || c == '!' || c == '?' || c == 0x2026 || c == 0x203C || c == 0x2047 ||
         c == 0x2048 || c == 0x2049 || c == 0x0964 || c == 0x061F || c == 0x06D4 ||
         IsWideTerminator(c);
}

enum class Line { kProse, kBlank, kHeading, kTableRow, kListItem, kRule, kFence };

std::string_view TrimSpaces(std::string_view line) {
  while (!line.empty() && (line.front() == ' ' || line.front() == '\t')) line.remove_prefix(1);
  while (!line.empty() && (line.back() == ' ' || line.back() == '\t')) line.remove_suffix(1);
  return line;
}

bool IsBlank(std::string_view line) {
  for (std::size_t at = 0; at < line.size();) {
    const Utf8Char c = DecodeUtf8(line, at);
    if (!IsSpace(c.code_point)) return false;
    at += static_cast<std::size_t>(c.length);
  }
  return true;
}

// "-----", "====", "* * *", "+---+---+": the underline of a heading, a thematic break, a border of
// a table.
bool IsRule(std::string_view line) {
  int marks = 0;
  for (const char c : line) {
    if (c == ' ' || c == '\t') continue;
    if (std::string_view("-=*_~+|:").find(c) == std::string_view::npos) return false;
    ++marks;
  }
  return marks >= 3;
}

bool IsHeading(std::string_view line) {
  const std::size_t level = std::min(line.find_first_not_of('#'), line.size());
  return level >= 1 && level <= 6 &&
         (level == line.size() || line[level] == ' ' || line[level] == '\t');
}

// A row of a Markdown table, or of one written with " | " or tabs between three cells or more.
bool IsTableRow(std::string_view line) {
  if (line.front() == '|') return true;
  int borders = 0;
  for (std::size_t at = 1; at + 1 < line.size(); ++at) {
    if (line[at] == '\t' && line[at - 1] != '\t') ++borders;
    if (line[at] == '|' && line[at - 1] == ' ' && line[at + 1] == ' ') ++borders;
  }
  return borders >= 2;
}

Line Classify(std::string_view line) {
  if (IsBlank(line)) return Line::kBlank;
  line = TrimSpaces(line);
  if (line.starts_with("```") || line.starts_with("~~~")) return Line::kFence;
  if (IsRule(line)) return Line::kRule;
  if (IsHeading(line)) return Line::kHeading;
  if (ListMarker(line) > 0) return Line::kListItem;
  if (IsTableRow(line)) return Line::kTableRow;
  return Line::kProse;
}

// Lines of source code stand alone: "{", "}" and statements.
bool EndsStatement(std::string_view line) {
  line = TrimSpaces(line);
  if (line.empty()) return false;
  if (line.back() == '{' || line.back() == '}') return true;
  return line.back() == ';' && line.find_first_of("(){}=<>") != std::string_view::npos;
}

class Splitter {
 public:
  explicit Splitter(std::string_view text)
      : text_(text), first_(text.starts_with("\uFEFF") ? 3 : 0) {}

  std::vector<ByteRange> Run() {
    std::size_t begin = first_;
    while (begin < text_.size()) {
      const std::size_t end = std::min(text_.find_first_of("\r\n", begin), text_.size());
      std::size_t next = std::min(end + 1, text_.size());
      if (next < text_.size() && text_[end] == '\r' && text_[next] == '\n') ++next;
      AddLine(begin, end, next);
      begin = next;
    }
    Cut(text_.size());
    return std::move(sentences_);
  }

 private:
  // One line is [begin, end); the one behind it starts at `next`.
  void AddLine(std::size_t begin, std::size_t end, std::size_t next) {
    const std::string_view line = text_.substr(begin, end - begin);
    const Line kind = Classify(line);
    if (kind == Line::kFence) in_fence_ = !in_fence_;
    if (in_fence_ || kind == Line::kFence) {
      CutBefore(begin);
      Cut(next);
      return;
    }
    if (kind == Line::kBlank || kind == Line::kHeading || kind == Line::kListItem ||
        kind == Line::kTableRow) {
      CutBefore(begin);
    }
    if (kind == Line::kListItem) {
      const std::size_t indent = line.find_first_not_of(" \t");
      begin += indent + ListMarker(line.substr(indent));
    }
    if (kind != Line::kRule && kind != Line::kBlank) CutInside(begin, end);
    // The underline of a heading stays with the heading's text.
    if (kind == Line::kRule || kind == Line::kHeading || kind == Line::kTableRow ||
        EndsStatement(line))
      Cut(next);
  }

  // Cuts behind every end of a sentence that stands in [begin, end).
  void CutInside(std::size_t begin, std::size_t end) {
    std::size_t at = begin;
    while (at < end) {
      const Utf8Char c = DecodeUtf8(text_, at);
      if (!IsTerminator(c.code_point)) {
        at += static_cast<std::size_t>(c.length);
        continue;
      }
      const std::size_t mark = at;
      bool wide = false;
      bool only_stop = c.code_point == '.';  // One '.', not "?!" or "...".
      int marks = 0;
      while (at < end) {
        const Utf8Char more = DecodeUtf8(text_, at);
        if (!IsTerminator(more.code_point)) break;
        wide = wide || IsWideTerminator(more.code_point);
        only_stop = only_stop && ++marks == 1;
        at += static_cast<std::size_t>(more.length);
      }
      at = SkipClosing(at, end);
      if (wide || EndsSentence(mark, at, only_stop)) Cut(at);
    }
  }

  // Quotes and brackets that close behind the mark, and a footnote mark such as "[12]".
  std::size_t SkipClosing(std::size_t at, std::size_t end) const {
    while (at < end) {
      const Utf8Char c = DecodeUtf8(text_, at);
      if (IsClosing(c.code_point)) {
        at += static_cast<std::size_t>(c.length);
        continue;
      }
      std::size_t digits = at + 1;
      while (digits < end && digits < at + 5 && IsAsciiDigit(text_[digits])) ++digits;
      if (c.code_point != '[' || digits == at + 1 || digits >= end || text_[digits] != ']') break;
      at = digits + 1;
    }
    return at;
  }

  // Whether the mark at `mark`, with what closes behind it up to `after`, ends a sentence.
  bool EndsSentence(std::size_t mark, std::size_t after, bool only_stop) const {
    std::size_t next = after;
    while (next < text_.size()) {
      const Utf8Char c = DecodeUtf8(text_, next);
      if (!IsSpace(c.code_point)) break;
      next += static_cast<std::size_t>(c.length);
    }
    if (next == text_.size()) return true;
    if (next == after) return false;  // "3.14", "main.c", "e.g.,"
    while (next < text_.size()) {
      const Utf8Char c = DecodeUtf8(text_, next);
      if (!IsOpening(c.code_point)) break;
      next += static_cast<std::size_t>(c.length);
    }
    if (next == text_.size()) return true;
    const std::string_view following = WordAt(next);
    if (only_stop && IsAbbreviation(WordBefore(mark), following)) return false;
    if (!IsLowerLetter(DecodeUtf8(text_, next).code_point)) return true;
    // Names out of code may begin a sentence in small letters: "sqlite3_step() returns …".
    return only_stop && std::any_of(following.begin(), following.end(), [](char c) {
             return c == '_' || c == '(' || IsAsciiDigit(c) || IsAsciiUpper(c);
           });
  }

  // The run of letters, digits and full stops in front of `mark` ("e.g", "3.40", "Smith"); at most
  // 16 bytes are looked at.
  std::string_view WordBefore(std::size_t mark) const {
    const std::size_t floor = std::max(start_, mark > 16 ? mark - 16 : 0);
    std::size_t begin = mark;
    while (begin > floor) {
      const char c = text_[begin - 1];
      if (!IsAsciiAlpha(c) && !IsAsciiDigit(c) && c != '.' && static_cast<unsigned char>(c) < 0x80)
        break;
      --begin;
    }
    return text_.substr(begin, mark - begin);
  }

  std::string_view WordAt(std::size_t begin) const {
    const std::size_t ceiling = std::min(text_.size(), begin + 32);
    std::size_t end = begin;
    while (end < ceiling && (IsAsciiAlpha(text_[end]) || IsAsciiDigit(text_[end]) ||
                             text_[end] == '_' || text_[end] == '(')) {
      ++end;
    }
    return text_.substr(begin, end - begin);
  }

  static bool IsAbbreviation(std::string_view word, std::string_view following) {
    if (word.empty()) return false;
    const std::string lower = AsciiLower(word);
    const bool number_follows = !following.empty() && IsAsciiDigit(following.front());
    if (Contains(kAlways, lower)) return true;
    if (IsAsciiUpper(word.front()) && Contains(kTitles, lower)) return true;
    if (number_follows && Contains(kBeforeNumber, lower)) return true;
    if (Contains(kSentenceStarters, AsciiLower(following))) return false;
    return Contains(kOften, lower) || IsInitials(word);
  }

  // "J", "U.S", "D.C": single capital letters with full stops between them.
  static bool IsInitials(std::string_view word) {
    for (std::size_t i = 0; i < word.size(); ++i) {
      if (i % 2 == 0 ? !IsAsciiUpper(word[i]) : word[i] != '.') return false;
    }
    return word.size() % 2 == 1;
  }

  // Ends the running sentence in front of the line at `begin`; a byte order mark is none.
  void CutBefore(std::size_t begin) {
    if (begin > first_) Cut(begin);
  }

  // Ends the running sentence in front of `end`.
  void Cut(std::size_t end) {
    std::size_t begin = start_;
    start_ = std::max(start_, end);
    while (begin < end) {
      const Utf8Char c = DecodeUtf8(text_, begin);
      if (!IsSpace(c.code_point)) break;
      begin += static_cast<std::size_t>(c.length);
    }
    while (end > begin) {
      const std::size_t last = FloorToCharacter(text_, end - 1);
      if (!IsSpace(DecodeUtf8(text_, last).code_point)) break;
      end = last;
    }
    if (begin < end) sentences_.push_back({begin, end});
  }

  std::string_view text_;
  std::size_t first_;      // Behind the byte order mark.
  std::size_t start_ = 0;  // Where the running sentence begins.
  bool in_fence_ = false;
  std::vector<ByteRange> sentences_;
};

}  // namespace

std::size_t ListMarker(std::string_view line) {
  const auto space_at = [&](std::size_t at) {
    return at < line.size() && (line[at] == ' ' || line[at] == '\t');
  };
  if (line.empty()) return 0;
  if ((line[0] == '-' || line[0] == '*' || line[0] == '+') && space_at(1)) return 2;
  for (const std::string_view bullet :
       {"\u2022", "\u2023", "\u25E6", "\u2043", "\u25AA", "\u00B7", "\u2013"}) {
    if (line.starts_with(bullet) && space_at(bullet.size())) return bullet.size() + 1;
  }
  std::size_t at = line[0] == '(' ? 1 : 0;
  const std::size_t label = at;
  while (at < line.size() && at < label + 3 && IsAsciiDigit(line[at])) ++at;
  if (at == label && at < line.size() && IsAsciiAlpha(line[at])) ++at;
  if (at == label || at >= line.size()) return 0;
  // "A. Smith" may be a name in running text: a letter needs the parenthesis.
  const bool closed = line[at] == ')' || (line[at] == '.' && label == 0 && IsAsciiDigit(line[0]));
  return closed && space_at(at + 1) ? at + 2 : 0;
}

std::vector<ByteRange> SplitSentences(std::string_view text) { return Splitter(text).Run(); }

}  // namespace fovea
