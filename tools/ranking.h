// From ranked passages to ranked documents: a document stands where its best passage does.

#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "retriever/searcher.h"

namespace fovea::tools {

// Names of the documents of `hits`, each once, best first, at most `limit`.
std::vector<std::string> RankDocuments(const std::vector<Hit>& hits, std::size_t limit);

// The `limit` best documents for a query, asking for more passages until there are so many or no
// more.
std::vector<std::string> SearchDocuments(const Searcher& searcher, std::string_view query,
                                         SearchMode mode, std::size_t limit);

}  // namespace fovea::tools
