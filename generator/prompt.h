// From a reading to a prompt: the evidence the decoder sees, under a token budget.

#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "generator/chat_template.h"
#include "generator/prompt_window.h"
#include "lib/reader/reader.h"
#include "lib/text/document.h"

namespace fovea {

// A run of neighbouring sentences of one passage.
struct Evidence {
  std::size_t passage = 0;  // index into the passages read
  ByteRange range;          // of the passage's text
  float weight = 0;         // reader mass in it
};

// Defaults by measurement: docs/architecture.md. A small decoder answers best from little evidence.
struct PromptOptions {
  int evidence_tokens = 256;  // budget for the evidence, > 0
  int reply_tokens = 96;      // kept free in the context, >= 0
  // Sentences that weigh less than this share of the best one are no evidence. 0 … 1.
  float least_share = 0.1f;
  // Sentences before and after each of the best that come with it, as far as the budget goes. >= 0:
  // they cost the default decoder more right answers than they bring.
  int neighbours = 0;
  // In-context examples: pairs of question and answer shown before the question, in this order. The
  // first are left out until the evidence has its budget.
  std::vector<std::pair<std::string, std::string>> examples;
  // Earlier turns of the conversation, oldest first: pairs of question and answer, shown as chat
  // turns before the question. The oldest are left out until the rest takes history_tokens at most
  // and leaves the evidence its budget.
  std::vector<std::pair<std::string, std::string>> history;
  int history_tokens = 256;  // >= 0
  // The reader's: the decoder is to phrase it. "": it finds the answer itself.
  std::string short_answer;

  // Throws Error(kInvalidArgument) that names the option.
  void validate() const;
};

struct Prompt {
  std::vector<TokenId> tokens;
  std::size_t fixed_tokens = 0;  // the first that do not depend on question and evidence
  // Where each run of evidence with its label begins in the tokens, and where the last one ends.
  // Empty where there is no evidence or the tokenizer joins a run with what stands beside it.
  std::vector<std::size_t> blocks;
  std::vector<Evidence>
      evidence;  // in the order shown: by document (as first given), then position
  PromptWindow window;
  int sentences_left_out = 0;  // sentences that are evidence but did not fit
  int examples_left_out = 0;   // the first of the options' examples
  int turns_left_out = 0;      // of the history, the oldest
};

// Best sentences by reader weight with their neighbours, in document order, each run labelled
// "[1]", "[2]", …; then the question. A sentence that overlapping passages share is shown once; a
// best sentence longer than the budget is cut at a token. Throws Error(kInvalidArgument) if
// instructions and question alone exceed the decoder's context. `reading` is that of
// `passages`.
Prompt BuildPrompt(std::string_view question, std::span<const Passage> passages,
                   const Reading& reading, const Decoder& decoder, const ChatTemplate& chat,
                   const PromptOptions& options);

}  // namespace fovea
