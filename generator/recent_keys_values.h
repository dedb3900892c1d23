// Keys and values of token sequences in memory, the least recently used out first.
//
// One thread at a time.

#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <span>
#include <string>
#include <vector>

#include "lib/nn/decoder.h"

namespace fovea {

class RecentKeysValues {
 public:
  struct Entry {
    std::string model;  // Decoder::cache_fingerprint
    std::vector<TokenId> tokens;
    KvCache keys_values;
    std::int64_t bytes = 0;
  };

  explicit RecentKeysValues(std::int64_t max_bytes) : max_bytes_(max_bytes) {}

  // The entry of the longest prefix of `tokens`; null if there is none. Valid until the next Keep.
  const Entry* Longest(const std::string& model, std::span<const TokenId> tokens) const;
  void CountUse(const Entry& entry);
  // In place of an entry of the same model and tokens. Nothing happens if it alone is too large.
  void Keep(Entry entry);

 private:
  std::int64_t max_bytes_;
  std::list<Entry> entries_;  // the most recently used first
};

}  // namespace fovea
