// Plain text out of inline text and block borders: what a page's layout means in a text file.

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "retriever/markdown.h"

namespace fovea {

class HtmlWriter {
 public:
  // Inline text: white space collapses to one space.
  void Text(std::string_view text);
  // Text of <pre>: lines and spaces are kept.
  void PreformattedText(std::string_view text);
  // Characters that stick to what was written before ("^" of an exponent).
  void Glue(std::string_view text);

  // At least `breaks` line breaks before what comes next: 1 a new line, 2 a blank line between.
  // Inside a table row a space.
  void Break(int breaks);
  // <br>: a new line; two of them a blank line.
  void LineBreak();
  // In front of the next text ("- "), on a line of its own.
  void Marker(std::string marker);
  void BeginPreformatted();
  void EndPreformatted();

  // Cells of a row go on one line: "a | b".
  void BeginRow();
  void Cell();
  void EndRow();

  void BeginHeading(int level);
  void EndHeading();

  const std::string& text() const { return out_; }
  std::string TakeText() { return std::move(out_); }
  const std::vector<Heading>& headings() const { return headings_; }

 private:
  void BeginContent();

  std::string out_;
  std::vector<Heading> headings_;
  int breaks_ = 0;
  bool space_ = false;
  std::string preformatted_space_;  // seen in <pre>, not yet written
  std::string marker_;
  bool in_row_ = false;
  std::size_t row_text_end_ = 0;  // past the last text of the row, or where it begins
  int cells_ = 0;
  int heading_level_ = 0;  // 0: not in a heading
  bool heading_started_ = false;
  std::size_t heading_line_ = 0;  // where its line begins in out_
  std::size_t heading_text_ = 0;  // where its text begins
};

}  // namespace fovea
