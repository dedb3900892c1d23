#include "retriever/html.h"

#include <algorithm>

#include "lib/base/ascii.h"
#include "retriever/html_content.h"
#include "retriever/html_layout.h"
#include "retriever/html_tree.h"
#include "retriever/html_writer.h"

namespace fovea {
namespace {

// HTML allows the declaration in the first 1024 bytes; real pages are less strict.
constexpr std::size_t kDeclarationBytes = 4096;

std::string ValueAfter(std::string_view text, std::string_view key) {
  std::size_t at = text.find(key);
  if (at == std::string_view::npos) return "";
  at += key.size();
  while (at < text.size() && IsAsciiSpace(text[at])) ++at;
  if (at >= text.size() || text[at] != '=') return "";
  at = std::min(text.find_first_not_of("= \t\r\n\"'", at), text.size());
  const std::size_t end = std::min(text.find_first_of(" \t\r\n\"'/>;?", at), text.size());
  return std::string(text.substr(at, std::min<std::size_t>(end - at, 40)));
}

std::string Collapsed(std::string_view text) {
  HtmlWriter writer;
  writer.Text(text);
  return writer.TakeText();
}

std::string TitleOf(const HtmlTree& tree) {
  const auto& nodes = tree.nodes();
  for (std::uint32_t i = 0; i < nodes.size(); ++i) {
    if (nodes[i].tag() != GUMBO_TAG_TITLE || nodes[i].is_svg()) continue;
    std::string title;
    for (std::uint32_t j = i + 1; j < nodes[i].end; ++j) title += nodes[j].text();
    return Collapsed(title);
  }
  return "";
}

}  // namespace

std::string HtmlDeclaredEncoding(std::string_view bytes) {
  const std::string head = AsciiLower(bytes.substr(0, kDeclarationBytes));
  if (head.starts_with("<?xml")) {
    const std::string encoding =
        ValueAfter(std::string_view(head).substr(0, head.find('>')), "encoding");
    if (!encoding.empty()) return encoding;
  }
  for (std::size_t at = head.find("<meta"); at != std::string::npos;
       at = head.find("<meta", at + 5)) {
    const std::size_t end = std::min(head.find('>', at), head.size());
    const std::string charset = ValueAfter(std::string_view(head).substr(at, end - at), "charset");
    if (!charset.empty()) return charset;
  }
  return "";
}

std::string LoadHtml(std::string_view html, Document& document) {
  std::string problem;
  const std::unique_ptr<HtmlTree> tree = HtmlTree::Parse(html, HtmlLimits(), problem);
  if (tree == nullptr) return problem;
  const std::string title = TitleOf(*tree);
  HtmlWriter writer;
  WriteHtml(*tree, FindMainText(*tree), writer);
  const auto& headings = writer.headings();
  const auto first = std::find_if(headings.begin(), headings.end(),
                                  [](const Heading& heading) { return heading.level == 1; });
  if (!title.empty()) {
    document.title = title;
  } else if (first != headings.end()) {
    document.title = first->text;
  }
  document.sections = SectionsOf(headings, writer.text().size());
  document.text = writer.TakeText();
  return "";
}

}  // namespace fovea
