// Questions that a passage no longer answers, made from those that it does: what written
// unanswerable questions are like (SQuAD 2.0; Rajpurkar et al. 2018, table 1), by rule.

#pragma once

#include <optional>
#include <random>
#include <string>
#include <string_view>

namespace fovea::tools {

class NearWords;

// `question` with one thing changed, drawn from what can be: a name that `context` holds becomes
// another name of it, a noun another of its nouns, or two of them change places; a number becomes
// another; a word its opposite, or, where `context` holds it, one that is near it and is not there;
// a statement is negated. In lower case where the question is. nullopt if nothing can be changed.
std::optional<std::string> AlterQuestion(std::string_view question, std::string_view context,
                                         const NearWords& near, std::mt19937_64& random);

}  // namespace fovea::tools
