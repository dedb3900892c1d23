#include "tools/answer_stream.h"

#include "tools/terminal.h"

namespace fovea::tools {
namespace {

std::string_view Trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

}  // namespace

void AnswerStream::Piece(std::string_view piece) {
  written_ += piece;
  out_.Write(ForTerminal(piece));
  out_.Flush();
}

void AnswerStream::Finish(const std::string& answer) {
  if (!written_.empty() && answer.starts_with(written_)) {
    out_.Write(ForTerminal(answer.substr(written_.size())) + "\n");
  } else if (!written_.empty() && Trimmed(written_) == Trimmed(answer)) {
    out_.Write("\n");
  } else {
    out_.Write((written_.empty() ? "" : "\n\n") + ForTerminal(answer) + "\n");
  }
}

}  // namespace fovea::tools
