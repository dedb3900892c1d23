// The reader's passage states in a file of its own in the index folder: `states.sqlite`
// (docs/formats.md). Derived data: whatever is wrong with it, it is made anew.

#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "lib/base/callbacks.h"
#include "lib/reader/passage_state_cache.h"

namespace fovea {

// About 8,000 passages of 160 tokens.
inline constexpr std::int64_t kDefaultStateCacheBytes = std::int64_t{512} << 20;

// Opens the cache of an index folder for the states of `model` (CrossAttentionReader::fingerprint),
// or makes it; entries of other models are dropped. It keeps about `max_bytes`, oldest out first.
// Null, with a line in the log, where the folder cannot be written. Processes may share it; killing
// one loses at most what it was writing.
std::unique_ptr<PassageStateCache> OpenStateCache(const std::filesystem::path& folder,
                                                  const std::string& model, std::int64_t max_bytes,
                                                  const LogCallback& log = {});

}  // namespace fovea
