// Inverted lists (Jégou, Douze and Schmid 2011; "IVF") over coded vectors: every row stands in the list of the centre nearest to it, and a query looks
// through the lists of the centres nearest to the query.
//
// For more vectors than a graph is bearable for: 4 bytes a vector instead of 260, and built by a few passes over the codes. FAISS finds the centres.
//
// Internal to retriever/. Views; immutable and shared by threads.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "retriever/coded_vectors.h"

namespace fovea {

class ThreadPool;

struct InvertedLists {
  CodeRows centres;                          // [C, CodeStride(D)]
  std::span<const CodeScale> centre_scales;  // [C]
  std::span<const std::uint32_t> begin;      // [C + 1]: list c is rows[begin[c], begin[c + 1])
  std::span<const std::uint32_t> rows;       // [N], ascending in each list

  // "" if every row of `count` may stand in a list; else what is wrong.
  std::string Problem(std::size_t count) const;
};

struct InvertedArrays {
  std::size_t stride = kCodeAlignment;
  std::vector<std::int8_t> centres;
  std::vector<CodeScale> centre_scales;
  std::vector<std::uint32_t> begin;
  std::vector<std::uint32_t> rows;

  InvertedLists view() const {
    return {{centres.data(), centre_scales.size(), stride}, centre_scales, begin, rows};
  }
};

// 4 √N lists by spherical k-means over a sample. The centres may depend on the number of threads, the recall does not.
InvertedArrays BuildInvertedLists(const CodedVectors& vectors, ThreadPool* pool);

// All rows of the `probes` lists nearest to the query, and of further ones until there are `count`. In no particular order.
std::vector<CodedHit> SearchInvertedLists(const InvertedLists& lists, const CodedVectors& vectors, const CodedQuery& query,
                                          std::size_t probes, std::size_t count);

}  // namespace fovea
