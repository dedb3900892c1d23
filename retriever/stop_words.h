// English function words that a lexical query can do without.

#pragma once

#include <string_view>

namespace fovea {

// Whether `word` (any case) is one. Chosen once, from grammar (articles, pronouns, prepositions,
// auxiliaries, conjunctions, question words), not from any test set.
bool IsStopWord(std::string_view word);

}  // namespace fovea
