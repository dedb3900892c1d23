// File name patterns: `*` any characters, also "/"; `?` one character; `[a-z]`, `[^a-z]` one of a
// set. Case counts.
//
// The same rules as Store's document_glob (SQLite's GLOB operator).

#pragma once

#include <string>

namespace fovea {

// Whether the whole of `name` matches. A pattern with an unclosed bracket matches nothing.
bool MatchesGlob(const std::string& glob, const std::string& name);

}  // namespace fovea
