#include "generator/evidence_cache.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "lib/base/error.h"

namespace fovea {

void EvidenceReuse::validate() const {
  const auto reject = [](const char* what) { throw Error(ErrorCode::kInvalidArgument, what); };
  if (!(temperature > 0) || !std::isfinite(temperature)) reject("temperature must be > 0");
  if (recomputed < 0) reject("recomputed must be >= 0");
}

void EvidenceCache::Append(const Decoder& decoder, std::span<const TokenId> prompt,
                           std::span<const std::size_t> blocks, const EvidenceReuse& options,
                           KvCache& cache, ThreadPool* pool) {
  options.validate();
  std::vector<KvCache> computed;
  for (std::size_t i = 0; i + 1 < blocks.size(); ++i)
    computed.push_back(Block(decoder, prompt, blocks[i], blocks[i + 1], cache, pool));
  for (std::size_t i = 0; i < computed.size(); ++i) {
    const std::size_t size = computed[i].size();
    const std::size_t anew =
        i == 0 ? 0 : std::min(static_cast<std::size_t>(options.recomputed), size);
    if (anew > 0) decoder.Forward(cache, prompt.subspan(blocks[i], anew), pool);
    computed_tokens_ += anew;
    decoder.AppendMoved(cache, computed[i],
                        {.first = anew,
                         .count = size - anew,
                         .distance = blocks[i] - blocks.front(),
                         .key_scale = 1 / options.temperature});
  }
}

// Keys and values of the block [begin, end) alone, computed behind what `cache` holds.
KvCache EvidenceCache::Block(const Decoder& decoder, std::span<const TokenId> prompt,
                             std::size_t begin, std::size_t end, KvCache& cache, ThreadPool* pool) {
  const std::size_t before = cache.size();
  const std::span<const TokenId> block = prompt.subspan(begin, end - begin);
  const std::string model = decoder.cache_fingerprint();
  std::vector<TokenId> tokens(prompt.begin(), prompt.begin() + static_cast<std::ptrdiff_t>(before));
  tokens.insert(tokens.end(), block.begin(), block.end());
  if (const auto* known = recent_.Longest(model, tokens);
      known != nullptr && known->tokens.size() == tokens.size() &&
      known->keys_values.size() == block.size()) {
    recent_.CountUse(*known);
    return known->keys_values.Clone();
  }
  decoder.Forward(cache, block, pool);
  computed_tokens_ += block.size();
  KvCache alone;
  decoder.AppendMoved(alone, cache, {.first = before, .count = block.size()});
  cache.Truncate(before);
  recent_.Keep({model, std::move(tokens), alone.Clone(),
                static_cast<std::int64_t>(decoder.CacheBytes(block.size()))});
  return alone;
}

}  // namespace fovea
