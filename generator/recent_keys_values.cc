#include "generator/recent_keys_values.h"

#include <algorithm>
#include <utility>

namespace fovea {

const RecentKeysValues::Entry* RecentKeysValues::Longest(const std::string& model,
                                                         std::span<const TokenId> tokens) const {
  const Entry* best = nullptr;
  for (const Entry& entry : entries_) {
    if (entry.model != model || entry.tokens.size() > tokens.size()) continue;
    if (best != nullptr && entry.tokens.size() <= best->tokens.size()) continue;
    if (std::equal(entry.tokens.begin(), entry.tokens.end(), tokens.begin())) best = &entry;
  }
  return best;
}

void RecentKeysValues::CountUse(const Entry& entry) {
  const auto at = std::find_if(entries_.begin(), entries_.end(),
                               [&](const Entry& each) { return &each == &entry; });
  entries_.splice(entries_.begin(), entries_, at);
}

void RecentKeysValues::Keep(Entry entry) {
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
