#include "retriever/markdown.h"

#include <algorithm>
#include <optional>

#include "lib/base/ascii.h"
#include "retriever/loader_text.h"

namespace fovea {
namespace {

struct Line {
  std::size_t begin = 0;
  std::string_view text;  // without its line break
};

// Lines one after the other; ends in "\n", "\r\n" or "\r".
class LineReader {
 public:
  explicit LineReader(std::string_view text) : text_(text) {
    if (text.starts_with(kUtf8ByteOrderMark)) at_ = kUtf8ByteOrderMark.size();
  }

  bool Next(Line& line) {
    if (at_ >= text_.size()) return false;
    const std::size_t end = std::min(text_.find_first_of("\r\n", at_), text_.size());
    line = {at_, text_.substr(at_, end - at_)};
    at_ = end + (text_.substr(end).starts_with("\r\n") ? 2 : 1);
    return true;
  }
  std::size_t position() const { return std::min(at_, text_.size()); }
  void Seek(std::size_t at) { at_ = at; }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

std::size_t Indent(std::string_view line) {
  std::size_t columns = 0;
  for (const char c : line) {
    if (c == ' ') {
      ++columns;
    } else if (c == '\t') {
      columns += 4 - columns % 4;
    } else {
      break;
    }
  }
  return columns;
}

bool IsRepeated(std::string_view line, char c) {
  return !line.empty() && std::all_of(line.begin(), line.end(), [c](char x) { return x == c; });
}

// "[text](url)", "**text**", "`text`", "text {#id}" → "text".
std::string PlainHeading(std::string_view marked) {
  std::string plain;
  for (std::size_t i = 0; i < marked.size(); ++i) {
    const char c = marked[i];
    if (c == '\\' && i + 1 < marked.size() && !IsAsciiAlpha(marked[i + 1])) {
      plain += marked[++i];
    } else if (c == '*' || c == '`') {
      continue;
    } else if (c == '!' && marked.substr(i + 1).starts_with("[")) {
      continue;
    } else if (c == '[') {
      continue;
    } else if (c == ']') {
      const char open = i + 1 < marked.size() ? marked[i + 1] : ' ';
      if (open == '(' || open == '[') {
        const std::size_t close = marked.find(open == '(' ? ')' : ']', i + 1);
        if (close != std::string_view::npos) i = close;
      }
    } else if (c == '{' && marked.ends_with("}") && marked.substr(i + 1).starts_with("#")) {
      break;
    } else {
      plain += c;
    }
  }
  return std::string(TrimText(plain));
}

std::optional<Heading> AtxHeading(const Line& line) {
  if (Indent(line.text) > 3) return std::nullopt;
  std::string_view rest = TrimText(line.text);
  std::size_t level = std::min(rest.find_first_not_of('#'), rest.size());
  if (level == 0 || level > 6) return std::nullopt;
  rest.remove_prefix(level);
  if (!rest.empty() && rest[0] != ' ' && rest[0] != '\t') return std::nullopt;
  rest = TrimText(rest);
  // Closing number signs count only after a space.
  const std::size_t last = rest.find_last_not_of('#');
  if (last == std::string_view::npos) {
    rest = {};
  } else if (last + 1 < rest.size() && (rest[last] == ' ' || rest[last] == '\t')) {
    rest = rest.substr(0, last);
  }
  return Heading{line.begin, static_cast<int>(level), PlainHeading(rest)};
}

// A fence that opens a code block: its character and length.
struct Fence {
  char mark = 0;
  std::size_t length = 0;
};

Fence FenceOf(std::string_view line) {
  if (Indent(line) > 3) return {};
  const std::string_view rest = TrimText(line);
  if (rest.empty() || (rest[0] != '`' && rest[0] != '~')) return {};
  const std::size_t length = std::min(rest.find_first_not_of(rest[0]), rest.size());
  if (length < 3) return {};
  if (rest[0] == '`' && rest.find('`', length) != std::string_view::npos) return {};
  return {rest[0], length};
}

bool ClosesFence(std::string_view line, const Fence& fence) {
  const std::string_view rest = TrimText(line);
  return Indent(line) <= 3 && rest.size() >= fence.length && IsRepeated(rest, fence.mark);
}

// Whether a line may be the text of a setext heading: a paragraph's only line.
bool IsParagraphLine(std::string_view line) {
  const std::string_view rest = TrimText(line);
  if (rest.empty() || Indent(line) > 3) return false;
  if (rest[0] == '>' || rest[0] == '|' || rest[0] == '<') return false;
  if (rest.starts_with("- ") || rest.starts_with("* ") || rest.starts_with("+ ")) return false;
  return !IsRepeated(rest, '-') && !IsRepeated(rest, '=') && !IsRepeated(rest, '*');
}

std::string Unquoted(std::string_view value) {
  value = TrimText(value);
  if (value.size() >= 2 && (value[0] == '"' || value[0] == '\'') && value.back() == value[0]) {
    value = value.substr(1, value.size() - 2);
  }
  return std::string(value);
}

// YAML between "---" lines at the very top. Moves the reader behind it and gives its title.
std::string SkipFrontMatter(LineReader& reader) {
  const std::size_t start = reader.position();
  Line line;
  std::string title;
  if (!reader.Next(line) || TrimText(line.text) != "---" || Indent(line.text) != 0) {
    reader.Seek(start);
    return "";
  }
  while (reader.Next(line)) {
    if (line.text.starts_with("---") || line.text.starts_with("...")) return title;
    if (title.empty() && line.text.starts_with("title:")) title = Unquoted(line.text.substr(6));
  }
  reader.Seek(start);  // never closed: an ordinary rule
  return "";
}

std::string TitleOf(const std::vector<Heading>& headings) {
  const auto top =
      std::min_element(headings.begin(), headings.end(),
                       [](const Heading& a, const Heading& b) { return a.level < b.level; });
  return top == headings.end() ? "" : top->text;
}

MarkupOutline Outline(std::string title, const std::vector<Heading>& headings, std::size_t size) {
  if (title.empty()) title = TitleOf(headings);
  return {std::move(title), SectionsOf(headings, size)};
}

}  // namespace

std::vector<Section> SectionsOf(const std::vector<Heading>& headings, std::size_t text_size) {
  std::vector<Section> sections;
  if (text_size == 0) return sections;
  if (headings.empty() || headings[0].begin > 0) sections.push_back({{}, {0, text_size}});
  std::vector<const Heading*> open;
  for (const Heading& heading : headings) {
    while (!open.empty() && open.back()->level >= heading.level) open.pop_back();
    open.push_back(&heading);
    Section section;
    for (const Heading* ancestor : open) section.heading_path.push_back(ancestor->text);
    section.range = {heading.begin, text_size};
    if (!sections.empty()) sections.back().range.end = heading.begin;
    sections.push_back(std::move(section));
  }
  return sections;
}

MarkupOutline MarkdownOutline(std::string_view text) {
  LineReader reader(text);
  std::string title = SkipFrontMatter(reader);
  std::vector<Heading> headings;
  Fence fence;
  bool in_comment = false;
  int paragraph_lines = 0;  // directly above
  Line line;
  Line previous;
  for (; reader.Next(line); previous = line) {
    if (fence.mark != 0) {
      if (ClosesFence(line.text, fence)) fence = {};
      continue;
    }
    if (in_comment || line.text.starts_with("<!--")) {
      in_comment = line.text.find("-->") == std::string_view::npos;
      paragraph_lines = 0;
      continue;
    }
    fence = FenceOf(line.text);
    if (fence.mark != 0) {
      paragraph_lines = 0;
      continue;
    }
    const std::string_view rest = TrimText(line.text);
    const bool underline =
        Indent(line.text) <= 3 && (IsRepeated(rest, '=') || IsRepeated(rest, '-'));
    if (underline && paragraph_lines == 1) {
      headings.push_back(
          {previous.begin, rest[0] == '=' ? 1 : 2, PlainHeading(TrimText(previous.text))});
      paragraph_lines = 0;
    } else if (auto heading = AtxHeading(line)) {
      if (!heading->text.empty()) headings.push_back(*std::move(heading));
      paragraph_lines = 0;
    } else {
      paragraph_lines = IsParagraphLine(line.text) ? paragraph_lines + 1
                        : rest.empty()             ? 0
                                                   : 2;  // a list or a quote goes on
    }
  }
  return Outline(std::move(title), headings, text.size());
}

MarkupOutline RstOutline(std::string_view text) {
  constexpr std::string_view kMarks = "=-`:'\"~^_*+#<>";
  LineReader reader(text);
  std::vector<Heading> headings;
  std::vector<std::string> styles;  // mark, twice if overlined; outermost first
  Line line;
  Line previous;
  Line before;
  for (; reader.Next(line); before = previous, previous = line) {
    const std::string_view rule = TrimText(line.text);
    const std::string_view heading = TrimText(previous.text);
    if (rule.size() < 3 || Indent(line.text) > 0 ||
        kMarks.find(rule[0]) == std::string_view::npos || !IsRepeated(rule, rule[0])) {
      continue;
    }
    // The title's line must not be longer than its underline, be a rule itself or be indented code.
    const std::string_view over = TrimText(before.text);
    const bool overlined = over == rule;
    if (heading.empty() || heading.size() > 3 * rule.size() || IsRepeated(heading, heading[0]) ||
        (!overlined && (!over.empty() || Indent(previous.text) > 0))) {
      continue;
    }
    const std::string style(overlined ? 2 : 1, rule[0]);
    auto found = std::find(styles.begin(), styles.end(), style);
    if (found == styles.end()) found = styles.insert(styles.end(), style);
    headings.push_back({overlined ? before.begin : previous.begin,
                        static_cast<int>(found - styles.begin()) + 1, std::string(heading)});
  }
  return Outline("", headings, text.size());
}

MarkupOutline AsciiDocOutline(std::string_view text) {
  LineReader reader(text);
  std::vector<Heading> headings;
  std::string block;  // the delimiter of the block we are in
  Line line;
  while (reader.Next(line)) {
    const std::string_view rest = TrimText(line.text);
    const bool delimiter = rest.size() >= 4 &&
                           std::string_view("-.=*_+/").find(rest[0]) != std::string_view::npos &&
                           IsRepeated(rest, rest[0]);
    if (!block.empty()) {
      if (rest == block) block.clear();
      continue;
    }
    if (delimiter && (rest[0] == '-' || rest[0] == '.' || rest[0] == '/' || rest[0] == '+')) {
      block = rest;
      continue;
    }
    const std::size_t level = std::min(line.text.find_first_not_of('='), line.text.size());
    if (level == 0 || level > 6 || !line.text.substr(level).starts_with(" ")) continue;
    const std::string heading = PlainHeading(TrimText(line.text.substr(level)));
    if (!heading.empty()) headings.push_back({line.begin, static_cast<int>(level), heading});
  }
  return Outline("", headings, text.size());
}

}  // namespace fovea
