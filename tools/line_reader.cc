#include "tools/line_reader.h"

#include "tools/text_lines.h"

namespace fovea::tools {

std::optional<LineReader::Line> LineReader::Next(const std::stop_token& stop) {
  Line line;
  for (bool begun = false;; begun = true) {
    if (unread_.empty()) unread_ = {buffer_.data(), ReadSomeInput(buffer_, stop)};
    if (unread_.empty() && !begun) return std::nullopt;
    const std::size_t end = unread_.find('\n');
    const std::string_view piece = unread_.substr(0, end);
    line.too_long = line.too_long || line.text.size() + piece.size() > most_bytes_;
    if (line.too_long) {
      line.text.clear();
    } else {
      line.text += piece;
    }
    const bool at_end = unread_.empty() || end != std::string_view::npos;
    unread_.remove_prefix(at_end && !unread_.empty() ? end + 1 : piece.size());
    if (!at_end) continue;
    if (line.text.ends_with('\r')) line.text.pop_back();
    return line;
  }
}

}  // namespace fovea::tools
