// Whether an English question shows by its words that it leans on something said before.

#pragma once

#include <string_view>

namespace fovea {

// A pronoun ("does it", "the first one"), a conjunction in front ("and when"), "what about", or
// nothing but stop words ("why not?"). Only a sign: "it" may point into the question itself, and
// "since which version?" shows nothing. Chosen from grammar, not from any test set.
bool LooksAnaphoric(std::string_view question);

}  // namespace fovea
