// Evidence whose keys and values are computed once and put together when a question is asked
// (TurboRAG, Lu et al. 2024): each block sees what stands before the first block and itself, and
// its keys are turned to where it comes to stand. Blocks do not see each other, so that answers may
// differ from those to the whole prompt; they depend on the prompt and the options alone, not on
// what is kept.
//
// One thread at a time.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "generator/recent_keys_values.h"
#include "lib/nn/decoder.h"

namespace fovea {

class ThreadPool;

struct EvidenceReuse {
  // Of the attention to what is reused (APE, Yang et al. 2025), > 0: below 1, it is sharper.
  float temperature = 1;
  // Tokens at the beginning of each block but the first that are computed anew and see the blocks
  // before it, where each block would else draw attention as a beginning does (CacheBlend, Yao et
  // al. 2024). >= 0.
  int recomputed = 0;

  // Throws Error(kInvalidArgument) that names the option.
  void validate() const;
};

class EvidenceCache {
 public:
  explicit EvidenceCache(std::int64_t max_bytes) : recent_(max_bytes) {}

  // Appends the prompt's tokens from blocks.front() up to blocks.back() to `cache`, which holds
  // those before. blocks: where each begins, ascending, and where the last one ends.
  void Append(const Decoder& decoder, std::span<const TokenId> prompt,
              std::span<const std::size_t> blocks, const EvidenceReuse& options, KvCache& cache,
              ThreadPool* pool);

  // Tokens that Append computed so far.
  std::size_t computed_tokens() const { return computed_tokens_; }

 private:
  KvCache Block(const Decoder& decoder, std::span<const TokenId> prompt, std::size_t begin,
                std::size_t end, KvCache& cache, ThreadPool* pool);

  RecentKeysValues recent_;
  std::size_t computed_tokens_ = 0;
};

}  // namespace fovea
