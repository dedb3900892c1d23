// Headings of plain-text markup: Markdown, reStructuredText, AsciiDoc. The text itself stays as it
// is, byte for byte; only where its sections begin is found.

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/text/document.h"

namespace fovea {

struct MarkupOutline {
  std::string title;  // of the front matter, else the first heading of the highest level; may be ""
  std::vector<Section> sections;  // as Document::sections; none for a text of no bytes
};

// ATX ("## Heading") and setext (underlined) headings; not inside fenced or indented code, HTML
// comments or YAML front matter.
MarkupOutline MarkdownOutline(std::string_view text);
// A line underlined (and perhaps overlined) with punctuation; levels in order of first appearance.
MarkupOutline RstOutline(std::string_view text);
// "== Heading"; not inside delimited blocks.
MarkupOutline AsciiDocOutline(std::string_view text);

// Sections out of headings in text order.
struct Heading {
  std::size_t begin = 0;  // in the text
  int level = 1;          // 1: outermost
  std::string text;
};
std::vector<Section> SectionsOf(const std::vector<Heading>& headings, std::size_t text_size);

}  // namespace fovea
