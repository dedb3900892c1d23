#include "generator/prompt_lookup.h"

#include <algorithm>

namespace fovea {

std::vector<TokenId> DraftFrom(std::span<const TokenId> history, std::size_t most) {
  if (most == 0) return {};
  for (std::size_t length = kLongestMatch; length > 0; --length) {
    if (history.size() <= length) continue;
    const auto end = history.last(length);
    // An occurrence may overlap the end, but is not the end itself.
    const auto earlier = history.first(history.size() - 1);
    const auto found = std::find_end(earlier.begin(), earlier.end(), end.begin(), end.end());
    if (found == earlier.end()) continue;
    std::size_t source = static_cast<std::size_t>(found - earlier.begin()) + length;
    std::vector<TokenId> draft;
    for (; draft.size() < std::min(length, most); ++source) {
      // Past the end of the text the draft goes on with itself: a loop of few tokens repeats.
      draft.push_back(source < history.size() ? history[source] : draft[source - history.size()]);
    }
    return draft;
  }
  return {};
}

}  // namespace fovea
