// Internal to lib/attention: the sequences that a mask names, one after the other.

#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "lib/attention/attention.h"

namespace fovea {

struct MaskSequence {
  std::size_t query_begin, query_end, key_begin, key_end;

  // How many of the sequence's keys a query of it sees: the first ones.
  std::size_t Visible(const AttentionMask& mask, std::size_t query) const {
    const std::size_t keys = key_end - key_begin;
    if (!mask.causal) return keys;
    const std::ptrdiff_t last =
        static_cast<std::ptrdiff_t>(query - query_begin) + mask.causal_offset;
    return last < 0 ? 0 : std::min(keys, static_cast<std::size_t>(last) + 1);
  }
};

// One where the mask names none.
inline std::vector<MaskSequence> SequencesOf(const AttentionMask& mask, std::size_t queries,
                                             std::size_t keys) {
  if (mask.query_starts.empty()) return {{0, queries, 0, keys}};
  std::vector<MaskSequence> sequences;
  for (std::size_t s = 0; s + 1 < mask.query_starts.size(); ++s) {
    sequences.push_back({mask.query_starts[s], mask.query_starts[s + 1], mask.key_starts[s],
                         mask.key_starts[s + 1]});
  }
  return sequences;
}

}  // namespace fovea
