#include "retriever/html_writer.h"

#include <algorithm>

#include "lib/base/ascii.h"
#include "lib/text/utf8.h"
#include "retriever/loader_text.h"

namespace fovea {
namespace {

// Shown as nothing: soft hyphen, zero-width space, word joiner, byte order mark.
bool IsInvisible(char32_t c) { return c == 0xAD || c == 0x200B || c == 0x2060 || c == 0xFEFF; }

}  // namespace

// Writes what separates the next character from those before.
void HtmlWriter::BeginContent() {
  if (breaks_ > 0 && !out_.empty()) {
    out_.append(static_cast<std::size_t>(breaks_), '\n');
  } else if (space_ && !out_.empty()) {
    out_ += ' ';
  }
  breaks_ = 0;
  space_ = false;
  const std::size_t line = out_.size();
  out_ += marker_;
  marker_.clear();
  if (heading_level_ > 0 && !heading_started_) {
    heading_started_ = true;
    heading_line_ = line;
    heading_text_ = out_.size();
  }
}

void HtmlWriter::Text(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const Utf8Char c = DecodeUtf8(text, at);
    const std::string_view bytes = text.substr(at, static_cast<std::size_t>(c.length));
    at += bytes.size();
    if (IsUnicodeSpace(c.code_point)) {
      space_ = true;
    } else if (!IsInvisible(c.code_point) && c.code_point != 0) {
      if (breaks_ > 0 || space_ || out_.empty() || !marker_.empty() ||
          (heading_level_ > 0 && !heading_started_)) {
        BeginContent();
      }
      out_ += bytes;
      if (in_row_) row_text_end_ = out_.size();
    }
  }
}

void HtmlWriter::PreformattedText(std::string_view text) {
  for (const char c : text) {
    if (IsAsciiSpace(c)) {
      if (c == '\n') {
        // Blanks at the end of a line are dropped.
        preformatted_space_.erase(preformatted_space_.find_last_not_of(" \t\v\f\r") + 1);
      }
      preformatted_space_ += c;
    } else if (c != 0) {
      const bool first = breaks_ > 0 || out_.empty();
      space_ = false;
      if (first || !marker_.empty() || (heading_level_ > 0 && !heading_started_)) BeginContent();
      // Blank lines at the top go, the first line's indentation stays.
      if (first) preformatted_space_.erase(0, preformatted_space_.rfind('\n') + 1);
      out_ += preformatted_space_;
      preformatted_space_.clear();
      out_ += c;
    }
  }
}

void HtmlWriter::Glue(std::string_view text) {
  if (breaks_ > 0) return Text(text);
  space_ = false;
  out_ += text;
}

void HtmlWriter::Break(int breaks) {
  if (breaks == 0) return;
  if (in_row_) {
    space_ = true;
  } else {
    breaks_ = std::max(breaks_, breaks);
  }
}

void HtmlWriter::LineBreak() { Break(std::min(breaks_ + 1, 2)); }

void HtmlWriter::Marker(std::string marker) {
  Break(1);
  marker_ = std::move(marker);
}

void HtmlWriter::BeginPreformatted() {
  Break(2);
  preformatted_space_.clear();
}

void HtmlWriter::EndPreformatted() {
  preformatted_space_.clear();
  Break(2);
}

void HtmlWriter::BeginRow() {
  Break(1);
  in_row_ = true;
  row_text_end_ = out_.size();
  cells_ = 0;
}

void HtmlWriter::Cell() {
  if (++cells_ == 1) return;
  if (breaks_ > 0) BeginContent();
  space_ = false;
  out_ += " |";
  space_ = true;
}

void HtmlWriter::EndRow() {
  if (!in_row_) return;
  in_row_ = false;
  // Empty cells at the end need no separators, an empty row no line.
  out_.resize(row_text_end_);
  space_ = false;
  Break(1);
}

void HtmlWriter::BeginHeading(int level) {
  Break(2);
  if (heading_level_ > 0) return;
  heading_level_ = level;
  heading_started_ = false;
}

void HtmlWriter::EndHeading() {
  if (heading_level_ > 0 && heading_started_) {
    std::string text(TrimText(std::string_view(out_).substr(heading_text_)));
    std::replace(text.begin(), text.end(), '\n', ' ');
    headings_.push_back({heading_line_, heading_level_, std::move(text)});
  }
  heading_level_ = 0;
  Break(2);
}

}  // namespace fovea
