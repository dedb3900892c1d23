#include "generator/utf8_stream.h"

#include "lib/text/utf8.h"

namespace fovea {

std::string Utf8Stream::Append(std::string_view bytes) {
  pending_ += bytes;
  std::string text;
  std::size_t at = 0;
  while (at < pending_.size()) {
    const Utf8Char character = DecodeUtf8(pending_, at);
    const auto lead = static_cast<unsigned char>(pending_[at]);
    const std::size_t end = at + static_cast<std::size_t>(character.length);
    // A well-formed beginning that the bytes so far break off: more may come.
    if (!character.valid && end == pending_.size() && lead >= 0xC2 && lead <= 0xF4) break;
    AppendUtf8(character.valid ? character.code_point : kReplacementCharacter, text);
    at = end;
  }
  pending_.erase(0, at);
  return text;
}

std::string Utf8Stream::Finish() {
  const std::string text = RepairUtf8(pending_);
  pending_.clear();
  return text;
}

}  // namespace fovea
