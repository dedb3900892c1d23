// Vectors with their chunk ids in FAISS's structures: a flat matrix, perhaps an HNSW graph over it,
// and their file.
//
// Internal to retriever/. The file is FAISS's own format (an IndexIDMap over IndexFlatIP or
// IndexHNSWFlat), so that other programs can read it. FAISS trusts what it reads: Load looks at the
// bytes only after their checksum has been compared.

#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include "lib/base/ids.h"
#include "lib/kernels/matrix.h"
#include "retriever/store.h"

namespace fovea {

class ThreadPool;

class FaissVectors {
 public:
  // An empty one with room for `capacity` vectors: memory for each is taken once.
  FaissVectors(int dimensions, std::int64_t capacity);
  ~FaissVectors();

  // Ids ascending.
  void Add(ChunkId chunk, std::span<const float> vector);
  // HNSW (Malkov and Yashunin 2018) with M 32 over all vectors. Which graph depends on the number
  // of threads; its recall is measured: gives recall@10 against the exact scan, at the least search
  // effort (efSearch) that reaches 0.99, or at the greatest tried.
  double BuildGraph(ThreadPool* pool);
  // Forgets the graph.
  void DropGraph();

  bool has_graph() const;
  std::span<const std::int64_t> ids() const;  // [N]
  ConstMatrixView vectors() const;            // [N, D]
  // Rows of about the `count` nearest, best first, by the graph. May find fewer.
  std::vector<std::size_t> SearchGraph(std::span<const float> query, std::size_t count) const;

  // Writes the file and fills in the record's bytes, checksum, count, dimensions, last_chunk and
  // type. Neither flushes nor renames. Throws Error(kIo).
  void Save(const std::filesystem::path& path, VectorFileRecord& record) const;
  // Throws Error(kNotFound | kIo | kCorrupt), saying what differs from the record.
  static std::unique_ptr<FaissVectors> Load(const std::filesystem::path& path,
                                            const VectorFileRecord& record);

 private:
  struct State;
  explicit FaissVectors(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Size and checksum of the file against the record. Throws as Load.
void VerifyVectorFile(const std::filesystem::path& path, const VectorFileRecord& record);

}  // namespace fovea
