#include "generator/generate.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <limits>
#include <utility>

#include "generator/prefix_cache.h"
#include "generator/prompt_lookup.h"
#include "generator/utf8_stream.h"
#include "lib/base/error.h"

namespace fovea {
namespace {

// Tokens computed between two looks at the stop token.
constexpr std::size_t kPrefillBlock = 256;

double SecondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void ThrowIfStopped(const std::stop_token& stop) {
  if (stop.stop_requested()) throw Error(ErrorCode::kCancelled, "generation was stopped");
}

void Check(const Decoder& decoder, std::span<const TokenId> prompt,
           const GenerateOptions& options) {
  if (prompt.empty()) throw Error(ErrorCode::kInvalidArgument, "the prompt is empty");
  if (options.max_tokens < 0) throw Error(ErrorCode::kInvalidArgument, "max-tokens must be >= 0");
  options.sampling.validate();
  const auto context = static_cast<std::size_t>(decoder.config().context);
  if (prompt.size() + static_cast<std::size_t>(options.max_tokens) > context) {
    throw Error(ErrorCode::kInvalidArgument,
                "the prompt has " + std::to_string(prompt.size()) + " tokens; with max-tokens " +
                    std::to_string(options.max_tokens) + " it exceeds the context of " +
                    decoder.name() + " (" + std::to_string(context) + "): shorten one of them");
  }
}

// The decoder along prompt and output. Its cache holds the tokens taken so far, and between two
// calls also the keys and values of a draft.
class Continuation {
 public:
  Continuation(const Decoder& decoder, PromptCache& cache, ThreadPool* pool, std::stop_token stop)
      : decoder_(decoder), cache_(cache), pool_(pool), stop_(std::move(stop)) {}
  // Drops the draft, also where an exception ended the call.
  ~Continuation() {
    const std::size_t size = std::min({cache_.tokens.size(), cache_.keys_values.size(), exact_});
    cache_.tokens.resize(size);
    cache_.keys_values.Truncate(size);
  }
  Continuation(const Continuation&) = delete;
  Continuation& operator=(const Continuation&) = delete;

  void ReadPrompt(std::span<const TokenId> prompt, const GenerateOptions& options);

  // Takes `token`, computing it together with up to `most_drafts` guesses unless it was one of the
  // last guesses. The numbers of passes and drafts are added to `counts`.
  void Append(TokenId token, std::size_t most_drafts, Generation& counts);

  // After the last token taken. May be changed: they are read once.
  std::span<float> logits() { return logits_.row(row_); }

 private:
  // Computes the prompt up to `end`.
  void ReadUpTo(std::span<const TokenId> prompt, std::size_t end);

  const Decoder& decoder_;
  PromptCache& cache_;
  ThreadPool* pool_;
  std::stop_token stop_;
  std::vector<TokenId> batch_;  // computed last: a token, then its draft
  Matrix logits_;               // [batch, V]
  std::size_t row_ = 0;         // of the last token taken
  // How many of the cache's tokens are as if the whole prompt had been computed: others are of no
  // use to the next prompt.
  std::size_t exact_ = std::numeric_limits<std::size_t>::max();
};

void Continuation::ReadPrompt(std::span<const TokenId> prompt, const GenerateOptions& options) {
  const bool apart = options.evidence != nullptr && options.blocks.size() > 1;
  const std::size_t whole = apart ? options.blocks.front() : prompt.size() - 1;
  // What the prompt shares with the cache is kept; at least its last token is left to compute, for
  // its logits.
  const auto limit = prompt.begin() + static_cast<std::ptrdiff_t>(whole);
  auto shared = static_cast<std::size_t>(
      std::mismatch(cache_.tokens.begin(), cache_.tokens.end(), prompt.begin(), limit).first -
      cache_.tokens.begin());
  cache_.keys_values.Truncate(shared);
  cache_.tokens.resize(shared);
  const std::size_t fixed = options.prefixes == nullptr ? 0 : std::min(options.fixed_tokens, whole);
  if (fixed > 0) {
    if (auto found = options.prefixes->Find(decoder_, prompt.first(fixed), shared, pool_)) {
      cache_.keys_values = std::move(*found);
      shared = cache_.keys_values.size();
      cache_.tokens.assign(prompt.begin(), prompt.begin() + static_cast<std::ptrdiff_t>(shared));
    }
  }
  if (shared < fixed) {
    ReadUpTo(prompt, fixed);
    options.prefixes->Store(decoder_, prompt.first(fixed), cache_.keys_values);
  }
  if (apart) {
    ReadUpTo(prompt, whole);
    exact_ = whole;
    ThrowIfStopped(stop_);
    options.evidence->Append(decoder_, prompt, options.blocks, options.evidence_reuse,
                             cache_.keys_values, pool_);
    const auto end = prompt.begin() + static_cast<std::ptrdiff_t>(options.blocks.back());
    cache_.tokens.assign(prompt.begin(), end);
  }
  ReadUpTo(prompt, prompt.size());
}

void Continuation::ReadUpTo(std::span<const TokenId> prompt, std::size_t end) {
  std::vector<float> logits;
  while (cache_.tokens.size() < end) {
    ThrowIfStopped(stop_);
    const std::size_t at = cache_.tokens.size();
    const auto block = prompt.subspan(at, std::min(kPrefillBlock, end - at));
    logits = decoder_.Forward(cache_.keys_values, block, pool_);
    cache_.tokens.insert(cache_.tokens.end(), block.begin(), block.end());
  }
  logits_ = Matrix(1, logits.size());
  std::copy(logits.begin(), logits.end(), logits_.data());
}

void Continuation::Append(TokenId token, std::size_t most_drafts, Generation& counts) {
  ThrowIfStopped(stop_);
  cache_.tokens.push_back(token);
  if (row_ + 1 < batch_.size() && batch_[row_ + 1] == token) {
    ++row_;
    ++counts.accepted_tokens;
    return;
  }
  cache_.keys_values.Truncate(cache_.tokens.size() - 1);
  batch_ = DraftFrom(cache_.tokens, most_drafts);
  counts.drafted_tokens += static_cast<int>(batch_.size());
  ++counts.decode_passes;
  batch_.insert(batch_.begin(), token);
  logits_ = decoder_.ForwardAll(cache_.keys_values, batch_, pool_);
  row_ = 0;
}

// The prompts that go on beside the first, and the mixture of all.
class FusedPrompts {
 public:
  FusedPrompts(const Decoder& decoder, const GenerateOptions& options, ThreadPool* pool,
               const std::stop_token& stop)
      : caches_(options.fused.size()), weights_{options.fusion_weight} {
    GenerateOptions alone;
    alone.fixed_tokens = options.fixed_tokens;
    alone.prefixes = options.prefixes;
    for (std::size_t i = 0; i < caches_.size(); ++i) {
      weights_.push_back(options.fused[i].weight);
      texts_.emplace_back(decoder, caches_[i], pool, stop);
      texts_.back().ReadPrompt(options.fused[i].tokens, alone);
    }
  }

  // Changes the first prompt's logits.
  void MixInto(std::span<float> logits) {
    std::vector<std::span<float>> rows = {logits};
    for (Continuation& text : texts_) rows.push_back(text.logits());
    FuseLogits(rows, weights_);
  }

  void Append(TokenId token) {
    Generation counts;
    for (Continuation& text : texts_) text.Append(token, 0, counts);
  }

  bool empty() const { return texts_.empty(); }

 private:
  std::vector<PromptCache> caches_;
  std::deque<Continuation> texts_;
  std::vector<double> weights_;
};

}  // namespace

Generation Generate(const Decoder& decoder, std::span<const TokenId> prompt,
                    const GenerateOptions& options, ThreadPool* pool, std::stop_token stop) {
  Check(decoder, prompt, options);
  for (const WeightedPrompt& other : options.fused) Check(decoder, other.tokens, options);
  Sampler sampler(options.sampling);
  PromptCache own;
  Continuation text(decoder, options.cache != nullptr ? *options.cache : own, pool, stop);
  auto start = std::chrono::steady_clock::now();
  text.ReadPrompt(prompt, options);
  FusedPrompts fused(decoder, options, pool, stop);
  const bool guess = options.prompt_lookup && fused.empty();
  Generation generation;
  generation.prefill_seconds = SecondsSince(start);

  start = std::chrono::steady_clock::now();
  Utf8Stream stream;
  const auto emit = [&](const std::string& piece) {
    if (piece.empty()) return;
    generation.text += piece;
    if (options.on_text) options.on_text(piece);
  };
  for (auto left = static_cast<std::size_t>(options.max_tokens); left > 0; --left) {
    ThrowIfStopped(stop);
    fused.MixInto(text.logits());
    if (options.steer) options.steer(generation, text.logits());
    const TokenId token = sampler.Next(text.logits());
    if (token == decoder.config().eos ||
        std::find(options.stop_tokens.begin(), options.stop_tokens.end(), token) !=
            options.stop_tokens.end()) {
      generation.stopped = true;
      break;
    }
    generation.tokens.push_back(token);
    emit(stream.Append(decoder.tokenizer().Decode({&token, 1})));
    // The last token is not computed, and a draft reaches no further than the one before it.
    if (left > 1) {
      text.Append(token, guess ? left - 2 : 0, generation);
      fused.Append(token);
    }
  }
  emit(stream.Finish());
  generation.decode_seconds = SecondsSince(start);
  return generation;
}

}  // namespace fovea
