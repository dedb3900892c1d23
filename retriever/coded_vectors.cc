#include "retriever/coded_vectors.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "lib/base/thread_pool.h"
#include "lib/kernels/kernels.h"

namespace fovea {
namespace {

constexpr float kUnwanted = -std::numeric_limits<float>::infinity();
constexpr std::size_t kScanRows = 2048;
constexpr std::size_t kReadRows = 64;

// The k-th best of what each hit is certain to score: what cannot reach it is not among the k best.
class Threshold {
 public:
  explicit Threshold(std::size_t k) : certain_(k), k_(k) {}
  void Offer(float at_least) { certain_.Offer(at_least, 0); }
  float Value() const {
    const auto sorted = certain_.Sorted();
    return sorted.size() < k_ ? kUnwanted : sorted.back().score;
  }

 private:
  TopHits certain_;
  std::size_t k_;
};

// body(begin, end) for every block of kScanRows rows.
template <typename Body>
void ForBlocks(std::size_t count, ThreadPool* pool, const Body& body) {
  if (pool != nullptr) {
    pool->ParallelFor(count, kScanRows, body);
    return;
  }
  for (std::size_t begin = 0; begin < count; begin += kScanRows)
    body(begin, std::min(count, begin + kScanRows));
}

// Scores of these rows, ascending; neighbours are read together.
void ScoreExactly(std::span<const float> query, const ExactRows& exact,
                  std::span<const std::uint32_t> rows, std::span<float> scores) {
  const std::size_t dimensions = exact.dimensions;
  std::vector<float> buffer(std::min(rows.size(), kReadRows) * dimensions);
  for (std::size_t i = 0; i < rows.size();) {
    std::size_t run = 1;
    while (run < kReadRows && i + run < rows.size() && rows[i + run] == rows[i] + run) ++run;
    exact.Read(rows[i], std::span(buffer).first(run * dimensions));
    DotRows(query, {buffer.data(), run, dimensions, dimensions}, scores.subspan(i, run));
    i += run;
  }
}

// out[row - begin] = score by the codes, kUnwanted where wanted[first + row] is false. Chunks of a
// document are neighbours: a filter leaves runs of rows.
void ScoreByCodes(const CodedQuery& query, const CodedVectors& vectors, std::size_t begin,
                  std::size_t end, const std::vector<bool>& wanted, std::size_t first,
                  std::span<float> out) {
  std::vector<std::int32_t> products(end - begin);
  std::fill(out.begin(), out.end(), kUnwanted);
  for (std::size_t row = begin; row < end;) {
    while (row < end && !wanted[first + row]) ++row;
    std::size_t stop = row;
    while (stop < end && wanted[first + stop]) ++stop;
    if (stop == row) break;
    const std::span<std::int32_t> run = std::span(products).subspan(row - begin, stop - row);
    CodeDotRows(query.codes(), vectors.codes.Rows(row, stop), run);
    for (; row < stop; ++row) {
      out[row - begin] = query.Score(products[row - begin], vectors.scales[row]);
    }
  }
}

}  // namespace

void ExactRows::Read(std::size_t first, std::span<float> out) const {
  file->ReadAt(offset + first * dimensions * sizeof(float), std::as_writable_bytes(out));
}

CodedQuery::CodedQuery(std::span<const float> query)
    : exact_(query), codes_(CodeStride(query.size())), scale_(EncodeRow(query, codes_)) {
  double squares = 0;
  for (const float x : query) squares += static_cast<double>(x) * x;
  norm_ = static_cast<float>(std::sqrt(squares) * (1 + 1e-6));
  // An f32 inner product of n terms is off by at most (n + 1) units of rounding of |q| · |x|
  // (Higham 2002, 3.1); three more for Score.
  const float units = static_cast<float>(query.size() + 4);
  rounding_ = units * (std::numeric_limits<float>::epsilon() / 2) * norm_;
}

void OfferExact(const CodedQuery& query, const CodedVectors& vectors,
                std::span<const CodedHit> hits, std::size_t k, std::size_t first, TopHits& best) {
  Threshold threshold(k);
  const auto error = [&](const CodedHit& hit) {
    return query.Error(vectors.scales[hit.row], vectors.greatest_norm);
  };
  for (const CodedHit& hit : hits) threshold.Offer(hit.score - error(hit));
  const float needed = threshold.Value();
  std::vector<std::uint32_t> rows;
  for (const CodedHit& hit : hits) {
    if (hit.score + error(hit) >= needed) rows.push_back(hit.row);
  }
  std::sort(rows.begin(), rows.end());
  std::vector<float> scores(rows.size());
  ScoreExactly(query.exact(), vectors.exact, rows, scores);
  for (std::size_t i = 0; i < rows.size(); ++i) best.Offer(scores[i], first + rows[i]);
}

void ScanExactly(const CodedQuery& query, const CodedVectors& vectors, std::size_t k,
                 const std::vector<bool>& wanted, std::size_t first, ThreadPool* pool,
                 TopHits& best) {
  const std::size_t count = vectors.codes.count;
  std::vector<float> scores(count);
  const auto scan = [&](std::size_t begin, std::size_t end) {
    const auto block = std::span(scores).subspan(begin, end - begin);
    ScoreByCodes(query, vectors, begin, end, wanted, first, block);
  };
  ForBlocks(count, pool, scan);
  Threshold threshold(k);
  for (std::size_t row = 0; row < count; ++row) {
    if (scores[row] == kUnwanted) continue;
    threshold.Offer(scores[row] - query.Error(vectors.scales[row], vectors.greatest_norm));
  }
  const float needed = threshold.Value();
  std::vector<CodedHit> hits;
  for (std::size_t row = 0; row < count; ++row) {
    if (scores[row] == kUnwanted) continue;
    if (scores[row] + query.Error(vectors.scales[row], vectors.greatest_norm) >= needed) {
      hits.push_back({static_cast<std::uint32_t>(row), scores[row]});
    }
  }
  OfferExact(query, vectors, hits, k, first, best);
}

void ScanRows(std::span<const float> query, const ExactRows& exact, const std::vector<bool>& wanted,
              std::size_t count, ThreadPool* pool, TopHits& best) {
  std::vector<std::uint32_t> rows;
  for (std::size_t row = 0; row < count; ++row) {
    if (wanted[row]) rows.push_back(static_cast<std::uint32_t>(row));
  }
  std::vector<float> scores(rows.size());
  ForBlocks(rows.size(), pool, [&](std::size_t begin, std::size_t end) {
    ScoreExactly(query, exact, std::span(rows).subspan(begin, end - begin),
                 std::span(scores).subspan(begin, end - begin));
  });
  for (std::size_t i = 0; i < rows.size(); ++i) best.Offer(scores[i], rows[i]);
}

}  // namespace fovea
