// The vectors file: `vectors.<generation>.index`, derived from the store, mapped for searching.
//
// Exact vectors, codes, ids and the graph or the inverted lists (docs/formats.md has the layout). All but the exact vectors is mapped, so that opening copies nothing and
// processes share them; exact vectors are read where codes cannot decide. Nothing in it is believed before its size and checksum have been
// compared with what the store says, and every link of the graph or entry of a list leads to a row.
//
// Internal to retriever/. A VectorFile is immutable and shared by threads.

#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include "lib/base/ids.h"
#include "lib/base/mapped_file.h"
#include "retriever/coded_vectors.h"
#include "retriever/descriptor.h"
#include "retriever/hnsw_graph.h"
#include "retriever/inverted_lists.h"
#include "retriever/store.h"
#include "retriever/vector_file_layout.h"

namespace fovea {

class ThreadPool;

class VectorFile {
 public:
  // Throws Error(kNotFound | kIo | kCorrupt), saying what differs from the record.
  static std::unique_ptr<VectorFile> Open(const std::filesystem::path& path, const VectorFileRecord& record,
                                          ThreadPool* pool);

  std::span<const std::int64_t> ids() const { return ids_; }  // [N] chunk ids, ascending
  const CodedVectors& vectors() const { return vectors_; }
  // Whether there is a graph, or lists, to be searched.
  bool approximate() const {
    return header_.type == VectorFileType::kHnsw || header_.type == VectorFileType::kIvf;
  }
  // Without codes, all that can be searched is vectors().exact.
  bool coded() const { return header_.type != VectorFileType::kFlatF32; }
  // Hits among which are about the `count` nearest, with at least the effort that gave the recall of the record. May find fewer.
  std::vector<CodedHit> SearchApproximately(const CodedQuery& query, std::size_t count) const;

  VectorFile(const VectorFile&) = delete;
  VectorFile& operator=(const VectorFile&) = delete;

 private:
  VectorFile(Descriptor file, MappedFile mapping, const VectorFileHeader& header);
  void CheckContents(const VectorFileRecord& record) const;

  Descriptor file_;
  MappedFile mapping_;
  VectorFileHeader header_;
  std::span<const std::int64_t> ids_;
  CodedVectors vectors_;
  HnswGraph graph_;
  InvertedLists lists_;
};

// Size and checksum of the file against the record. Throws as Open.
void VerifyVectorFile(const std::filesystem::path& path, const VectorFileRecord& record, ThreadPool* pool);

// Writes one. The exact vectors go to the file as they come; codes and ids stay in memory until Finish: 400 bytes a vector of 384 dimensions.
class VectorFileWriter {
 public:
  // Makes the file, or empties it. `count` vectors will follow. Without codes there is no graph and no list. Throws Error(kIo),
  // as all below.
  VectorFileWriter(const std::filesystem::path& path, int dimensions, std::int64_t count, bool coded = true);

  // Ids ascending.
  void Add(ChunkId chunk, std::span<const float> vector);
  // Of all `count`. Valid until the writer goes; the exact vectors are read from the file.
  const CodedVectors& Vectors();

  // HNSW over all vectors (at least one). Its recall@10 is measured against the exact search, at the least search effort that reaches `recall`, or at the
  // greatest tried: gives that recall.
  double BuildGraph(const HnswOptions& options, double recall, ThreadPool* pool);
  // The same with inverted lists; with all of them searched it is exact.
  double BuildLists(double recall, ThreadPool* pool);
  void DropGraph() { graph_ = {}; }

  // Writes what is missing and fills in the record's bytes, checksum, count, dimensions, last_chunk and type. Neither flushes
  // nor renames.
  void Finish(VectorFileRecord& record, ThreadPool* pool);

 private:
  void FlushExact();
  double SetEffort(std::size_t least, std::size_t greatest, double recall, ThreadPool* pool);

  Descriptor file_;
  VectorFileHeader header_;
  std::vector<std::int64_t> ids_;
  std::vector<std::int8_t> codes_;
  std::vector<CodeScale> scales_;
  CodedVectors vectors_;
  HnswArrays graph_;
  InvertedArrays lists_;
  std::vector<float> exact_;       // not yet in the file
  std::uint64_t exact_bytes_ = 0;  // in the file
};

}  // namespace fovea
