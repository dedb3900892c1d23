// Bytes of the FAISS file: writing, verifying, parsing. Internal to retriever/faiss_*.cc.

#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include "retriever/store.h"

namespace faiss {
struct Index;
struct IndexFlat;
struct IndexHNSWFlat;
}  // namespace faiss

namespace fovea {

// Writes `index` under an IndexIDMap with these ids; fills in record.bytes and record.checksum.
void SaveFaissFile(const std::filesystem::path& path, const faiss::Index& index,
                   std::span<const std::int64_t> ids, VectorFileRecord& record);

struct ParsedFaissFile {
  ParsedFaissFile();
  ~ParsedFaissFile();
  ParsedFaissFile(ParsedFaissFile&&) noexcept;

  std::vector<std::int64_t> ids;
  std::unique_ptr<faiss::Index> root;           // owns what `flat` points into, unless `graph` does
  faiss::IndexFlat* flat = nullptr;             // the vectors, borrowed
  std::unique_ptr<faiss::IndexHNSWFlat> graph;  // null for "flat"
};

// Only for a file whose checksum has been verified. Checks type, d, count, ids and every link of
// the graph against the record and each other. Throws Error(kCorrupt).
ParsedFaissFile ParseFaissFile(const std::filesystem::path& path, const VectorFileRecord& record);

}  // namespace fovea
