#include "retriever/inverted_lists.h"

#include <algorithm>
#include <numeric>

namespace fovea {

std::string InvertedLists::Problem(std::size_t count) const {
  if (begin.size() != centres.count + 1 || begin.front() != 0 || begin.back() != rows.size() ||
      rows.size() != count || !std::is_sorted(begin.begin(), begin.end())) {
    return "its lists have impossible sizes";
  }
  const auto sound = [count](std::uint32_t row) { return row < count; };
  return std::all_of(rows.begin(), rows.end(), sound) ? "" : "its lists have impossible rows";
}

std::vector<CodedHit> SearchInvertedLists(const InvertedLists& lists, const CodedVectors& vectors,
                                          const CodedQuery& query, std::size_t probes,
                                          std::size_t count) {
  std::vector<std::int32_t> products(lists.centres.count);
  CodeDotRows(query.codes(), lists.centres, products);
  std::vector<float> scores(products.size());
  for (std::size_t c = 0; c < scores.size(); ++c) {
    scores[c] = query.Score(products[c], lists.centre_scales[c]);
  }
  std::vector<std::uint32_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    return scores[a] != scores[b] ? scores[a] > scores[b] : a < b;
  });
  std::vector<CodedHit> hits;
  for (std::size_t i = 0; i < order.size() && (i < probes || hits.size() < count); ++i) {
    const std::uint32_t first = lists.begin[order[i]];
    const auto rows = lists.rows.subspan(first, lists.begin[order[i] + 1] - first);
    products.resize(rows.size());
    CodeDotListed(query.codes(), vectors.codes, rows, products);
    for (std::size_t j = 0; j < rows.size(); ++j) {
      hits.push_back({rows[j], query.Score(products[j], vectors.scales[rows[j]])});
    }
  }
  return hits;
}

}  // namespace fovea
