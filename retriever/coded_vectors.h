// Vectors as 8-bit codes with the exact ones within reach, and the exact search over them.
//
// The codes are scanned or walked; what they cannot decide is scored with the exact vectors, read from their file. Each code row
// knows how much it lost, so that "cannot decide" is a bound, not a guess: ScanExactly finds what a scan of the exact vectors finds,
// bit for bit, reading about a quarter of their memory.
//
// Internal to retriever/. Views; immutable and shared by threads.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "lib/kernels/code_dot.h"
#include "retriever/descriptor.h"
#include "retriever/top_hits.h"

namespace fovea {

class ThreadPool;

// Rows [N, D] f32 in a file.
struct ExactRows {
  const Descriptor* file = nullptr;
  std::uint64_t offset = 0;  // bytes
  std::size_t dimensions = 0;

  // Rows [first, first + out.size() / D). Throws Error(kIo).
  void Read(std::size_t first, std::span<float> out) const;
};

struct CodedVectors {
  CodeRows codes;                     // [N, CodeStride(D)]
  std::span<const CodeScale> scales;  // [N]
  ExactRows exact;
  float greatest_norm = 0;  // no exact vector is longer
};

// A query in both forms.
class CodedQuery {
 public:
  // `query` [D] finite; borrowed.
  explicit CodedQuery(std::span<const float> query);

  std::span<const float> exact() const { return exact_; }
  std::span<const std::int8_t> codes() const { return codes_; }
  // About query · x, off by at most Error(scale, greatest_norm), for the product of both rows' codes.
  float Score(std::int32_t product, const CodeScale& row) const {
    return scale_.scale * row.scale * static_cast<float>(product);
  }
  float Error(const CodeScale& row, float greatest_norm) const {
    return norm_ * row.error + (scale_.error + rounding_) * greatest_norm;
  }

 private:
  std::span<const float> exact_;
  std::vector<std::int8_t> codes_;
  CodeScale scale_;
  float norm_;      // of the query, rounded up
  float rounding_;  // what computing in f32 may add for a vector of length 1
};

struct CodedHit {
  std::uint32_t row = 0;
  float score = 0;  // by the codes
};

// Offers to `best` the exact scores of those hits that may be among its k best, as row + first.
void OfferExact(const CodedQuery& query, const CodedVectors& vectors, std::span<const CodedHit> hits, std::size_t k,
                std::size_t first, TopHits& best);

// Offers every row of which wanted[first + row] is true and that may be among the k best, as first + row.
void ScanExactly(const CodedQuery& query, const CodedVectors& vectors, std::size_t k, const std::vector<bool>& wanted,
                 std::size_t first, ThreadPool* pool, TopHits& best);

// Offers every row of the first `count` of which wanted[row] is true, scored by its exact vector.
void ScanRows(std::span<const float> query, const ExactRows& exact, const std::vector<bool>& wanted, std::size_t count,
              ThreadPool* pool, TopHits& best);

}  // namespace fovea
