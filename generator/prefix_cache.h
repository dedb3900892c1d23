// Keys and values of the beginnings that many prompts share (instructions, examples): computed
// once, kept in memory and in a folder, so that another process finds them as well. Results are the
// same with and without, bit for bit.
//
// Threads may share a PrefixCache, with any number of decoders; processes share the folder.

#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <optional>
#include <span>
#include <string>

#include "generator/prefix_folder.h"
#include "generator/recent_keys_values.h"
#include "lib/base/callbacks.h"
#include "lib/nn/decoder.h"

namespace fovea {

class ThreadPool;

// About 5,800 tokens of the default decoder.
inline constexpr std::int64_t kDefaultPromptCacheBytes = std::int64_t{128} << 20;

// ${XDG_CACHE_HOME:-~/.cache}/fovea/prompts; empty where neither is known.
std::filesystem::path DefaultPromptCacheFolder();

struct PrefixCacheOptions {
  // Empty: prefixes are kept in memory alone.
  std::filesystem::path folder;
  // In memory, and as many in the folder; the least recently used go first.
  std::int64_t max_bytes = kDefaultPromptCacheBytes;
  LogCallback log = {};
};

class PrefixCache {
 public:
  explicit PrefixCache(const PrefixCacheOptions& options);

  // Keys and values of the longest stored prefix of `tokens`, if it has more than `more_than`
  // tokens. Finding a prefix counts as a use, whether it is handed out or not. One that comes from
  // the folder is believed only if computing its last token again gives the same bits: a release
  // with other kernels may have written it.
  std::optional<KvCache> Find(const Decoder& decoder, std::span<const TokenId> tokens,
                              std::size_t more_than, ThreadPool* pool);

  // Keeps what `keys_values` holds: those of `tokens` (at least one), all of them.
  void Store(const Decoder& decoder, std::span<const TokenId> tokens, const KvCache& keys_values);

 private:
  std::optional<KvCache> Load(const Decoder& decoder, const std::string& model,
                              std::span<const TokenId> tokens, ThreadPool* pool);

  std::mutex mutex_;  // guards what follows
  RecentKeysValues recent_;
  std::optional<PrefixFolder> folder_;  // nullopt: none
};

}  // namespace fovea
