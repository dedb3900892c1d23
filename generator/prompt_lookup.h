// Prompt lookup: speculative decoding (Leviathan et al. 2023) whose drafts are copied from the text
// so far (Saxena 2023). An answer from evidence repeats it, so the tokens that followed the same
// words there are a good guess at those that come next.

#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "lib/base/ids.h"

namespace fovea {

// The longest end of a text that is looked up; also the longest draft.
inline constexpr std::size_t kLongestMatch = 3;

// A guess at the tokens after `history`: its last 3 tokens are looked up, then 2, then 1, and what
// followed their last earlier occurrence is copied, as many tokens as matched and at most `most`:
// a longer match is right more often and further, and each more token takes the decoder longer.
// Empty if the last token has not occurred before.
std::vector<TokenId> DraftFrom(std::span<const TokenId> history, std::size_t most);

}  // namespace fovea
