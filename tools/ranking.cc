#include "tools/ranking.h"

#include <algorithm>
#include <unordered_set>

namespace fovea::tools {

std::vector<std::string> RankDocuments(const std::vector<Hit>& hits, std::size_t limit) {
  std::vector<std::string> ranking;
  std::unordered_set<std::string> seen;
  for (const Hit& hit : hits) {
    if (ranking.size() == limit) break;
    if (seen.insert(hit.passage.document).second) ranking.push_back(hit.passage.document);
  }
  return ranking;
}

std::vector<std::string> SearchDocuments(const Searcher& searcher, std::string_view query,
                                         SearchMode mode, std::size_t limit) {
  const StoreCounts counts = searcher.store().counts();
  SearchOptions options;
  options.mode = mode;
  // One chunk a document: `limit` passages are enough. Else a document takes several of the places.
  std::int64_t wanted =
      static_cast<std::int64_t>(limit) * (counts.chunks > counts.documents ? 3 : 1);
  for (;;) {
    options.k = static_cast<int>(
        std::clamp<std::int64_t>(wanted, 1, std::max<std::int64_t>(counts.chunks, 1)));
    const std::vector<Hit> hits = searcher.Search(query, options);
    std::vector<std::string> ranking = RankDocuments(hits, limit);
    const bool exhausted =
        options.k >= counts.chunks || hits.size() < static_cast<std::size_t>(options.k);
    if (ranking.size() >= limit || exhausted) return ranking;
    wanted *= 2;
  }
}

}  // namespace fovea::tools
