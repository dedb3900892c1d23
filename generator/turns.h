// Turns of a conversation with a model, written out in a document: they are somebody's words to a
// model or a model's words, and no statement of the document's own.

#pragma once

#include <optional>
#include <string_view>

#include "lib/base/byte_range.h"

namespace fovea {

// From the line that begins with a turn's marker to the end of the text, or from the text's
// beginning where a line ends one that began before it. Markers are control tokens of chat
// templates
// ("<|im_start|>", "<start_of_turn>", "[INST]", …) and "### Instruction:"; also "User:", "Human:"
// and "System:" in a text where a line begins with "Assistant:". Quotation marks and what opens a
// comment may stand before a marker; one inside a line is a mention, not a turn. nullopt: none.
std::optional<ByteRange> FindTurns(std::string_view text);

}  // namespace fovea
