// From a reading to a prompt: the evidence the decoder sees, under a token budget.

#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "generator/chat_template.h"
#include "lib/reader/reader.h"
#include "lib/text/document.h"

namespace fovea {

// A run of neighbouring sentences of one passage.
struct Evidence {
  std::size_t passage = 0;  // index into the passages read
  ByteRange range;          // of the passage's text
  float weight = 0;         // reader mass in it
};

struct PromptOptions {
  int evidence_tokens = 512;  // budget for the evidence
  // In-context examples: pairs of question and answer shown before the question.
  std::vector<std::pair<std::string, std::string>> examples;
};

struct Prompt {
  std::vector<TokenId> tokens;
  std::vector<Evidence> evidence;  // in the order shown: by document, then position
  int evidence_tokens = 0;         // spent
  int sentences_left_out = 0;      // sentences with weight that did not fit
};

// Best sentences by reader weight with their neighbours, in document order, each labelled; then the question. Throws Error(kInvalidArgument) if
// instructions and question alone exceed the decoder's context.
Prompt BuildPrompt(std::string_view question, std::span<const Passage> passages, const Reading& reading,
                   const Decoder& decoder, const ChatTemplate& chat, const PromptOptions& options);

}  // namespace fovea
