#include "generator/prefix_cache.h"

#include <algorithm>
#include <cstdlib>
#include <iterator>
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

PrefixCache::PrefixCache(const PrefixCacheOptions& options) : max_bytes_(options.max_bytes) {
  if (!options.folder.empty()) folder_.emplace(options.folder, options.max_bytes, options.log);
}

std::optional<KvCache> PrefixCache::Find(const Decoder& decoder, std::span<const TokenId> tokens,
                                         std::size_t more_than, ThreadPool* pool) {
  const std::lock_guard lock(mutex_);
  const std::string model = decoder.cache_fingerprint();
  auto best = LongestInMemory(model, tokens);
  const std::size_t known =
      std::max(more_than, best == entries_.end() ? std::size_t{0} : best->tokens.size());
  if (folder_ && known < tokens.size()) {
    for (const std::size_t length : folder_->Lengths(model)) {
      if (length <= known) break;
      if (length > tokens.size()) continue;
      if (auto loaded = Load(decoder, model, tokens.first(length), pool)) return loaded;
    }
  }
  if (best == entries_.end()) return std::nullopt;
  entries_.splice(entries_.begin(), entries_, best);
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
  Keep({model,
        {tokens.begin(), tokens.end()},
        keys_values.Clone(),
        static_cast<std::int64_t>(data.size())});
  if (folder_) folder_->Put(model, tokens, data);
}

PrefixCache::Entries::iterator PrefixCache::LongestInMemory(const std::string& model,
                                                            std::span<const TokenId> tokens) {
  auto best = entries_.end();
  for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
    if (entry->model != model || entry->tokens.size() > tokens.size()) continue;
    if (best != entries_.end() && entry->tokens.size() <= best->tokens.size()) continue;
    if (std::equal(entry->tokens.begin(), entry->tokens.end(), tokens.begin())) best = entry;
  }
  return best;
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
  Keep({model,
        {tokens.begin(), tokens.end()},
        std::move(keys_values),
        static_cast<std::int64_t>(data->size())});
  return copy;
}

void PrefixCache::Keep(Entry entry) {
  std::erase_if(entries_, [&](const Entry& other) {
    return other.model == entry.model && other.tokens == entry.tokens;
  });
  if (entry.bytes > max_bytes_) return;
  entries_.push_front(std::move(entry));
  std::int64_t bytes = 0;
  const auto kept = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& each) {
    bytes += each.bytes;
    return bytes > max_bytes_;
  });
  entries_.erase(kept, entries_.end());
}

}  // namespace fovea
