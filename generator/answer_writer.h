// The decoder's part of an answer: from what was read to sentences that the evidence bears out.

#pragma once

#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "generator/answer.h"
#include "generator/chat_template.h"
#include "generator/evidence_cache.h"
#include "generator/evidence_vocabulary.h"
#include "generator/generate.h"
#include "generator/grounding.h"
#include "generator/prefix_cache.h"
#include "generator/prompt.h"
#include "lib/base/callbacks.h"
#include "lib/nn/decoder.h"

namespace fovea {

class ThreadPool;

// What a question's passages say, as the reader weighs them. Borrowed.
struct ReadEvidence {
  std::span<const Passage> passages;
  const Reading& reading;                       // of them
  std::span<const EvidenceSentence> sentences;  // SentencesByWeight; not empty
};

// Used by one thread at a time.
class AnswerWriter {
 public:
  // Borrows prefixes (null: none are kept) and pool. Throws Error(kUnsupported) if the decoder's
  // chat template is none of those known.
  AnswerWriter(std::unique_ptr<Decoder> decoder, PrefixCache* prefixes, LogCallback log,
               ThreadPool* pool);

  const Decoder& decoder() const { return *decoder_; }

  // Pieces of the answer, or none where nothing that the decoder writes stands: first it phrases
  // the short answer freely, then, held to the words of the sentence that holds it, in their order
  // (ordered_words.h). Sets what the answer says of prompt, source, citations and timings.
  std::vector<std::string> Write(const ReadEvidence& read, const AskOptions& ask, Answer& answer,
                                 const std::stop_token& stop);

 private:
  Prompt MakePrompt(const ReadEvidence& read, const AskOptions& ask, Answer& answer) const;
  // Of each of the heaviest passages alone, with its own short answer.
  std::vector<WeightedPrompt> PassagePrompts(const ReadEvidence& read, const AskOptions& ask,
                                             const Answer& answer) const;
  PromptOptions PromptOptionsFor(const AskOptions& ask, const Answer& answer) const;
  GenerateOptions OptionsFor(std::size_t fixed_tokens, const AskOptions& ask);
  Generation Run(std::span<const TokenId> prompt, const GenerateOptions& options, Answer& answer,
                 const std::stop_token& stop) const;
  std::vector<std::string> WriteFreely(const ReadEvidence& read, const Prompt& prompt,
                                       const AskOptions& ask, Answer& answer,
                                       const std::stop_token& stop);
  std::vector<std::string> WriteInOrder(const ReadEvidence& read, const AskOptions& ask,
                                        Answer& answer, const std::stop_token& stop);
  void Log(const std::string& text) const;

  std::unique_ptr<Decoder> decoder_;
  ChatTemplate chat_;
  TokenWords token_words_;
  PromptCache cache_;
  PromptCache shorten_cache_;
  EvidenceCache evidence_{kDefaultPromptCacheBytes};
  PrefixCache* prefixes_;
  LogCallback log_;
  ThreadPool* pool_;
};

}  // namespace fovea
