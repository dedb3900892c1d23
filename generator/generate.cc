#include "generator/generate.h"

#include <algorithm>
#include <chrono>

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

// Keeps what the prompt shares with the cache; at least its last token is left to compute, for its
// logits.
std::size_t ReuseCache(PromptCache& cache, std::span<const TokenId> prompt) {
  // A call that threw may have left keys and values of tokens not written down.
  std::size_t shared = std::min({prompt.size() - 1, cache.tokens.size(), cache.keys_values.size()});
  shared = static_cast<std::size_t>(
      std::mismatch(cache.tokens.begin(),
                    cache.tokens.begin() + static_cast<std::ptrdiff_t>(shared), prompt.begin())
          .first -
      cache.tokens.begin());
  cache.keys_values.Truncate(shared);
  cache.tokens.resize(shared);
  return shared;
}

}  // namespace

Generation Generate(const Decoder& decoder, std::span<const TokenId> prompt,
                    const GenerateOptions& options, ThreadPool* pool, std::stop_token stop) {
  Check(decoder, prompt, options);
  Sampler sampler(options.sampling);
  PromptCache own;
  PromptCache& cache = options.cache != nullptr ? *options.cache : own;
  const auto forward = [&](std::span<const TokenId> tokens) {
    ThrowIfStopped(stop);
    std::vector<float> logits = decoder.Forward(cache.keys_values, tokens, pool);
    cache.tokens.insert(cache.tokens.end(), tokens.begin(), tokens.end());
    return logits;
  };

  auto start = std::chrono::steady_clock::now();
  std::vector<float> logits;
  for (std::size_t at = ReuseCache(cache, prompt); at < prompt.size();) {
    const std::size_t count = std::min(kPrefillBlock, prompt.size() - at);
    logits = forward(prompt.subspan(at, count));
    at += count;
  }
  Generation generation;
  generation.prefill_seconds = SecondsSince(start);

  start = std::chrono::steady_clock::now();
  Utf8Stream stream;
  const auto emit = [&](const std::string& piece) {
    if (piece.empty()) return;
    generation.text += piece;
    if (options.on_text) options.on_text(piece);
  };
  while (generation.tokens.size() < static_cast<std::size_t>(options.max_tokens)) {
    ThrowIfStopped(stop);
    const TokenId token = sampler.Next(logits);
    if (token == decoder.config().eos ||
        std::find(options.stop_tokens.begin(), options.stop_tokens.end(), token) !=
            options.stop_tokens.end()) {
      generation.stopped = true;
      break;
    }
    generation.tokens.push_back(token);
    emit(stream.Append(decoder.tokenizer().Decode({&token, 1})));
    if (generation.tokens.size() < static_cast<std::size_t>(options.max_tokens))
      logits = forward({&token, 1});
  }
  emit(stream.Finish());
  generation.decode_seconds = SecondsSince(start);
  return generation;
}

}  // namespace fovea
