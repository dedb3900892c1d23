// The prompt by which the decoder shortens a sentence of the evidence: instructions, examples, the
// sentence, and the words that have to stay.

#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "generator/chat_template.h"
#include "lib/nn/decoder.h"

namespace fovea {

struct ShortenPrompt {
  std::vector<TokenId> tokens;
  std::size_t fixed_tokens = 0;  // the first that are the same for every sentence
};

// White space of `sentence` and `part` is collapsed.
ShortenPrompt BuildShortenPrompt(std::string_view sentence, std::string_view part,
                                 const Decoder& decoder, const ChatTemplate& chat);

}  // namespace fovea
