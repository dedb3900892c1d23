// Hierarchical navigable small world graph (Malkov and Yashunin 2018) over coded vectors: building it with FAISS, walking it here.
//
// FAISS adds the vectors and shrinks the neighbour lists; its distances are ours, over codes. The walk reads FAISS's lists, laid out so that they can
// be mapped from a file, and scores all unseen neighbours of a row in one call, which hides the latency of memory: FAISS 1.7.3 asks for one distance
// at a time.
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

// Lists end at the first −1, or are full.
struct HnswGraph {
  std::size_t links = 0;    // M: links of a row on a level above 0; 2 M on level 0
  std::uint32_t entry = 0;  // a row of the highest level
  std::span<const std::int32_t> base;         // [N, 2 M]: level 0
  std::span<const std::uint32_t> upper_rows;  // [U] ascending: rows of level 1 and above
  std::span<const std::uint32_t> upper_begin; // [U + 1]: the first list of each in `upper`, one a level
  std::span<const std::int32_t> upper;        // [lists, M]

  // "" if every link leads to a row that has its level; else what is wrong. For a graph of `count` rows.
  std::string Problem(std::size_t count) const;
};

struct HnswArrays {
  std::size_t links = 0;
  std::uint32_t entry = 0;
  std::vector<std::int32_t> base;
  std::vector<std::uint32_t> upper_rows;
  std::vector<std::uint32_t> upper_begin;
  std::vector<std::int32_t> upper;

  HnswGraph view() const { return {links, entry, base, upper_rows, upper_begin, upper}; }
};

struct HnswOptions {
  int links = 32;    // M
  int effort = 100;  // efConstruction: candidates kept while a row looks for its neighbours
};

// Links all rows (at least one). Rows of a batch are added side by side, so the graph depends on the number of threads, its recall does not.
HnswArrays BuildHnsw(const CodedVectors& vectors, const HnswOptions& options, ThreadPool* pool);

// About the `effort` rows that score best by their codes, best first; ties by row. Deterministic.
std::vector<CodedHit> SearchHnsw(const HnswGraph& graph, const CodedVectors& vectors, const CodedQuery& query,
                                 std::size_t effort);

}  // namespace fovea
