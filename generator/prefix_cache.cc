#include "generator/prefix_cache.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "lib/base/error.h"

namespace fovea {

namespace fs = std::filesystem;

fs::path DefaultPromptCacheFolder() {
  if (const char* cache = std::getenv("XDG_CACHE_HOME"); cache != nullptr && *cache != '\0')
    return fs::path(cache) / "fovea" / "prompts";
  if (const char* home = std::getenv("HOME"); home != nullptr && *home != '\0')
    return fs::path(home) / ".cache" / "fovea" / "prompts";
  return {};
}

PrefixCache::PrefixCache(const PrefixCacheOptions& options) : recent_(options.max_bytes) {
  if (!options.folder.empty()) folder_.emplace(options.folder, options.max_bytes, options.log);
}

std::optional<KvCache> PrefixCache::Find(const Decoder& decoder, std::span<const TokenId> tokens,
                                         std::size_t more_than, ThreadPool* pool) {
  const std::lock_guard lock(mutex_);
  const std::string model = decoder.cache_fingerprint();
  const RecentKeysValues::Entry* best = recent_.Longest(model, tokens);
  const std::size_t known = std::max(more_than, best == nullptr ? 0 : best->tokens.size());
  if (folder_ && known < tokens.size()) {
    for (const std::size_t length : folder_->Lengths(model)) {
      if (length <= known) break;
      if (length > tokens.size()) continue;
      if (auto loaded = Load(decoder, model, tokens.first(length), pool)) return loaded;
    }
  }
  if (best == nullptr) return std::nullopt;
  recent_.CountUse(*best);
  if (folder_) folder_->Touch(model, best->tokens);
  if (best->tokens.size() <= more_than) return std::nullopt;
  return best->keys_values.Clone();
}

void PrefixCache::Store(const Decoder& decoder, std::span<const TokenId> tokens,
                        const KvCache& keys_values) {
  const std::lock_guard lock(mutex_);
  const std::string model = decoder.cache_fingerprint();
  if (tokens.empty() || keys_values.size() != tokens.size()) {
    throw Error(ErrorCode::kInvalidArgument,
                "the key/value cache holds " + std::to_string(keys_values.size()) +
                    " tokens; a prefix of " + std::to_string(tokens.size()) + " was to be kept");
  }
  const std::vector<std::byte> data = decoder.SaveCache(keys_values, tokens.size());
  recent_.Keep({model,
                {tokens.begin(), tokens.end()},
                keys_values.Clone(),
                static_cast<std::int64_t>(data.size())});
  if (folder_) folder_->Put(model, tokens, data);
}

std::optional<KvCache> PrefixCache::Load(const Decoder& decoder, const std::string& model,
                                         std::span<const TokenId> tokens, ThreadPool* pool) {
  const auto data = folder_->Get(model, tokens, decoder.CacheBytes(tokens.size()));
  if (!data) return std::nullopt;
  KvCache keys_values = decoder.LoadCache(*data, tokens.size());
  keys_values.Truncate(tokens.size() - 1);
  decoder.Forward(keys_values, tokens.last(1), pool);
  if (decoder.SaveCache(keys_values, tokens.size()) != *data) {
    folder_->Drop(model, tokens, "it was computed otherwise than now");
    return std::nullopt;
  }
  KvCache copy = keys_values.Clone();
  recent_.Keep({model,
                {tokens.begin(), tokens.end()},
                std::move(keys_values),
                static_cast<std::int64_t>(data->size())});
  return copy;
}

}  // namespace fovea
