// The decoder alone: a prompt's continuation, token by token.

#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "generator/evidence_cache.h"
#include "generator/passage_fusion.h"
#include "generator/sampler.h"
#include "lib/nn/decoder.h"

namespace fovea {

class PrefixCache;
class ThreadPool;

// Keys and values of the last prompt and its continuation, so that a prompt that begins the same
// (instructions, examples, earlier turns) is computed from where it differs. Results are the same
// with and without. Belongs to one decoder and one thread at a time.
struct PromptCache {
  KvCache keys_values;
  std::vector<TokenId> tokens;  // what keys_values holds, in order
};

struct Generation {
  std::string text;             // valid UTF-8
  std::vector<TokenId> tokens;  // without the stop token
  bool stopped = false;         // by a stop token, not by max_tokens
  double prefill_seconds = 0;
  double decode_seconds = 0;
  int decode_passes = 0;    // forward passes after those over the prompt
  int drafted_tokens = 0;   // guessed by prompt lookup
  int accepted_tokens = 0;  // guessed rightly
};

struct GenerateOptions {
  int max_tokens = 256;  // >= 0
  SamplingOptions sampling;
  std::vector<TokenId> stop_tokens;  // The end of sequence token always stops.
  // Called with each piece of text as soon as its UTF-8 is complete; the pieces together are
  // Generation::text.
  std::function<void(std::string_view piece)> on_text;
  // Called before each token is chosen, with what was generated so far: changes its logits [V].
  std::function<void(const Generation& so_far, std::span<float> logits)> steer;
  PromptCache* cache = nullptr;  // Borrowed; may be null.
  // The prompt's first tokens that other prompts begin with as well, and where their keys and
  // values are kept (borrowed; may be null). Results are the same with and without.
  std::size_t fixed_tokens = 0;
  PrefixCache* prefixes = nullptr;
  // Where blocks of evidence begin in the prompt, and where the last one ends (Prompt::blocks), and
  // what computes them apart to use them again (borrowed; null: nothing is computed apart). Results
  // are not those of the whole prompt.
  std::vector<std::size_t> blocks;
  EvidenceCache* evidence = nullptr;
  EvidenceReuse evidence_reuse;
  // Prompts that go on beside this one, mixed with it by weight (its own: fusion_weight). Each is
  // computed whole but for the fixed tokens, and no guesses are made.
  std::vector<WeightedPrompt> fused;
  double fusion_weight = 1;
  // Tokens are computed together with a guess at those after them (prompt_lookup.h), which saves
  // forward passes where the guess is right. Results are the same with and without.
  bool prompt_lookup = true;
};

// Continues `prompt` (not empty). Throws Error(kInvalidArgument) if prompt and max_tokens exceed
// the context, Error(kCancelled) on `stop`.
Generation Generate(const Decoder& decoder, std::span<const TokenId> prompt,
                    const GenerateOptions& options, ThreadPool* pool, std::stop_token stop = {});

}  // namespace fovea
