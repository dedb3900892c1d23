// Walking the graph: the beam search of Malkov and Yashunin 2018, algorithm 2.

#include <algorithm>
#include <optional>

#include "retriever/hnsw_graph.h"

namespace fovea {
namespace {

bool Better(const CodedHit& a, const CodedHit& b) {
  return a.score != b.score ? a.score > b.score : a.row < b.row;
}

// The best rows seen so far, in order, with a mark on those whose neighbours have been looked at.
class Beam {
 public:
  explicit Beam(std::size_t width) : width_(width) { entries_.reserve(width + 1); }

  void Offer(CodedHit hit) {
    if (entries_.size() == width_ && !Better(hit, entries_.back().hit)) return;
    if (entries_.size() == width_) entries_.pop_back();
    const auto place =
        std::upper_bound(entries_.begin(), entries_.end(), hit,
                         [](const CodedHit& a, const Entry& b) { return Better(a, b.hit); });
    next_ = std::min(next_, static_cast<std::size_t>(place - entries_.begin()));
    entries_.insert(place, {hit, false});
  }

  // The best row not yet looked at; nullopt once all have been.
  std::optional<std::uint32_t> Next() {
    while (next_ < entries_.size() && entries_[next_].seen) ++next_;
    if (next_ == entries_.size()) return std::nullopt;
    entries_[next_].seen = true;
    return entries_[next_].hit.row;
  }

  std::vector<CodedHit> Hits() const {
    std::vector<CodedHit> hits;
    hits.reserve(entries_.size());
    for (const Entry& entry : entries_) hits.push_back(entry.hit);
    return hits;
  }

 private:
  struct Entry {
    CodedHit hit;
    bool seen;
  };
  std::size_t width_;
  std::size_t next_ = 0;  // all entries before it are seen
  std::vector<Entry> entries_;
};

class Walk {
 public:
  Walk(const HnswGraph& graph, const CodedVectors& vectors, const CodedQuery& query)
      : graph_(graph),
        vectors_(vectors),
        query_(query),
        visited_((vectors.codes.count + 63) / 64),
        products_(2 * graph.links) {}

  std::vector<CodedHit> Run(std::size_t effort) {
    Beam beam(effort);
    const CodedHit start = Descend();
    Visit(start.row);
    beam.Offer(start);
    while (const std::optional<std::uint32_t> row = beam.Next()) {
      unseen_.clear();
      const std::size_t width = 2 * graph_.links;
      for (const std::int32_t link : graph_.base.subspan(*row * width, width)) {
        if (link < 0) break;
        if (Visit(static_cast<std::uint32_t>(link))) {
          unseen_.push_back(static_cast<std::uint32_t>(link));
        }
      }
      ScoreUnseen();
      for (std::size_t i = 0; i < unseen_.size(); ++i) beam.Offer(HitOf(i));
    }
    return beam.Hits();
  }

 private:
  // True the first time.
  bool Visit(std::uint32_t row) {
    const std::uint64_t bit = std::uint64_t{1} << (row % 64);
    std::uint64_t& word = visited_[row / 64];
    const bool first = (word & bit) == 0;
    word |= bit;
    return first;
  }

  void ScoreUnseen() {
    CodeDotListed(query_.codes(), vectors_.codes, unseen_,
                  std::span(products_).first(unseen_.size()));
  }

  CodedHit HitOf(std::size_t i) const {
    return {unseen_[i], query_.Score(products_[i], vectors_.scales[unseen_[i]])};
  }

  std::size_t UpperIndex(std::uint32_t row) const {
    const auto found = std::lower_bound(graph_.upper_rows.begin(), graph_.upper_rows.end(), row);
    return static_cast<std::size_t>(found - graph_.upper_rows.begin());
  }

  // From the entry down to level 0, on each level to the row that has no better neighbour.
  CodedHit Descend() {
    unseen_ = {graph_.entry};
    ScoreUnseen();
    CodedHit best = HitOf(0);
    if (graph_.upper_rows.empty()) return best;
    const std::size_t top = UpperIndex(graph_.entry);
    std::size_t level = graph_.upper_begin[top + 1] - graph_.upper_begin[top];
    for (; level > 0; --level) {
      for (std::uint32_t from = best.row + 1; from != best.row;) {
        from = best.row;
        const std::size_t list = graph_.upper_begin[UpperIndex(from)] + level - 1;
        unseen_.clear();
        for (const std::int32_t link : graph_.upper.subspan(list * graph_.links, graph_.links)) {
          if (link < 0) break;
          unseen_.push_back(static_cast<std::uint32_t>(link));
        }
        ScoreUnseen();
        for (std::size_t i = 0; i < unseen_.size(); ++i) {
          if (Better(HitOf(i), best)) best = HitOf(i);
        }
      }
    }
    return best;
  }

  const HnswGraph& graph_;
  const CodedVectors& vectors_;
  const CodedQuery& query_;
  std::vector<std::uint64_t> visited_;
  std::vector<std::uint32_t> unseen_;  // rows to be scored
  std::vector<std::int32_t> products_;
};

}  // namespace

std::vector<CodedHit> SearchHnsw(const HnswGraph& graph, const CodedVectors& vectors,
                                 const CodedQuery& query, std::size_t effort) {
  return Walk(graph, vectors, query).Run(effort);
}

std::string HnswGraph::Problem(std::size_t count) const {
  if (links < 1 || count < 1 || entry >= count || base.size() != count * 2 * links ||
      upper_begin.size() != upper_rows.size() + 1 || upper_begin[0] != 0 ||
      upper_begin.back() * links != upper.size()) {
    return "its graph has impossible sizes";
  }
  std::size_t levels_of_entry = 0;
  std::size_t most_levels = 0;
  for (std::size_t u = 0; u < upper_rows.size(); ++u) {
    if (upper_rows[u] >= count || (u > 0 && upper_rows[u] <= upper_rows[u - 1]) ||
        upper_begin[u] >= upper_begin[u + 1]) {
      return "its graph has impossible levels";
    }
    most_levels = std::max<std::size_t>(most_levels, upper_begin[u + 1] - upper_begin[u]);
    if (upper_rows[u] == entry) levels_of_entry = upper_begin[u + 1] - upper_begin[u];
  }
  if (levels_of_entry != most_levels) return "its graph has an impossible entry";
  const auto sound = [count](std::int32_t link) {
    return link >= -1 && link < static_cast<std::int64_t>(count);
  };
  if (!std::all_of(base.begin(), base.end(), sound)) return "its graph has impossible links";
  for (std::size_t u = 0; u < upper_rows.size(); ++u) {
    for (std::size_t list = upper_begin[u]; list < upper_begin[u + 1]; ++list) {
      const std::size_t level = list - upper_begin[u];
      for (const std::int32_t link : upper.subspan(list * links, links)) {
        if (link == -1) continue;
        const auto found = std::lower_bound(
            upper_rows.begin(), upper_rows.end(), link,
            [](std::uint32_t a, std::int32_t b) { return static_cast<std::int64_t>(a) < b; });
        const auto at = static_cast<std::size_t>(found - upper_rows.begin());
        if (at == upper_rows.size() || static_cast<std::int64_t>(*found) != link ||
            upper_begin[at + 1] - upper_begin[at] <= level) {
          return "its graph has links to rows that lack their level";
        }
      }
    }
  }
  return "";
}

}  // namespace fovea
