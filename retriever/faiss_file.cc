#include "retriever/faiss_file.h"

#include <faiss/IndexFlat.h>
#include <faiss/IndexHNSW.h>
#include <faiss/IndexIDMap.h>
#include <faiss/impl/FaissException.h>
#include <faiss/impl/io.h>
#include <faiss/index_io.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "lib/base/error.h"
#include "retriever/block_checksum.h"
#include "retriever/faiss_vectors.h"

namespace fovea {
namespace {

Error IoError(const std::filesystem::path& path, const char* what, int error) {
  const bool missing = error == ENOENT;
  return Error(missing ? ErrorCode::kNotFound : ErrorCode::kIo,
               path.string() + ": " + what + ": " + std::strerror(error) +
                   (error == ENOSPC || error == EFBIG || error == EDQUOT
                        ? "; free some space and run the command again: what was committed is kept"
                        : ""));
}

Error Damaged(const std::filesystem::path& path, const std::string& what) {
  return Error(ErrorCode::kCorrupt, path.string() + ": " + what);
}

class Descriptor {
 public:
  Descriptor(const std::filesystem::path& path, int flags, const char* what)
      : descriptor_(open(path.c_str(), flags | O_CLOEXEC, 0666)) {
    if (descriptor_ < 0) throw IoError(path, what, errno);
  }
  ~Descriptor() { close(descriptor_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return descriptor_; }

 private:
  int descriptor_;
};

// Collects FAISS's many small writes into blocks, each written and hashed once.
class BlockWriter : public faiss::IOWriter {
 public:
  explicit BlockWriter(const std::filesystem::path& path)
      : path_(path), file_(path, O_WRONLY | O_CREAT | O_TRUNC, "cannot be written") {
    name = path.string();
    block_.reserve(kChecksumBlockBytes);
  }

  std::size_t operator()(const void* data, std::size_t size, std::size_t items) override {
    std::span<const std::byte> bytes(static_cast<const std::byte*>(data), size * items);
    while (!bytes.empty()) {
      const std::size_t count = std::min(bytes.size(), kChecksumBlockBytes - block_.size());
      block_.insert(block_.end(), bytes.begin(),
                    bytes.begin() + static_cast<std::ptrdiff_t>(count));
      bytes = bytes.subspan(count);
      if (block_.size() == kChecksumBlockBytes) Flush();
    }
    return items;
  }

  void Finish(VectorFileRecord& record) {
    Flush();
    record.bytes = bytes_;
    record.checksum = checksum_.Value();
  }

 private:
  void Flush() {
    if (block_.empty()) return;
    checksum_.AddBlock(block_);
    std::span<const std::byte> bytes = block_;
    while (!bytes.empty()) {
      const ssize_t count = write(file_.get(), bytes.data(), bytes.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) throw IoError(path_, "cannot be written", errno);
      bytes = bytes.subspan(static_cast<std::size_t>(count));
    }
    bytes_ += static_cast<std::int64_t>(block_.size());
    block_.clear();
  }

  std::filesystem::path path_;
  Descriptor file_;
  std::vector<std::byte> block_;
  BlockChecksum checksum_;
  std::int64_t bytes_ = 0;
};

bool ReadBlock(const std::filesystem::path& path, int descriptor, std::vector<std::byte>& block) {
  block.resize(kChecksumBlockBytes);
  std::size_t used = 0;
  while (used < block.size()) {
    const ssize_t count = read(descriptor, block.data() + used, block.size() - used);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw IoError(path, "cannot be read", errno);
    if (count == 0) break;
    used += static_cast<std::size_t>(count);
  }
  block.resize(used);
  return used > 0;
}

// FAISS follows links without looking: each must lead to a vector.
bool LinksAreSound(const faiss::HNSW& graph, std::size_t count) {
  if (graph.levels.size() != count || graph.offsets.size() != count + 1 || count == 0) return false;
  if (graph.offsets.front() != 0 || graph.offsets.back() != graph.neighbors.size()) return false;
  const auto total = static_cast<std::int64_t>(count);
  if (graph.entry_point < 0 || graph.entry_point >= total || graph.max_level < 0) return false;
  if (graph.efSearch < 1) return false;
  const auto& cumulative = graph.cum_nneighbor_per_level;
  for (std::size_t i = 0; i < count; ++i) {
    const int level = graph.levels[i];
    if (level < 1 || level > graph.max_level + 1) return false;
    if (static_cast<std::size_t>(level) >= cumulative.size()) return false;
    const auto links = static_cast<std::size_t>(cumulative[static_cast<std::size_t>(level)]);
    if (graph.offsets[i + 1] < graph.offsets[i]) return false;
    if (graph.offsets[i + 1] - graph.offsets[i] != links) return false;
  }
  if (graph.levels[static_cast<std::size_t>(graph.entry_point)] != graph.max_level + 1)
    return false;
  for (std::size_t i = 0; i < count; ++i) {
    std::size_t at = graph.offsets[i];
    for (int level = 0; level < graph.levels[i]; ++level) {
      const auto next = graph.offsets[i] +
                        static_cast<std::size_t>(cumulative[static_cast<std::size_t>(level) + 1]);
      if (next < at || next > graph.offsets[i + 1]) return false;
      for (; at < next; ++at) {
        const auto neighbor = graph.neighbors[at];
        if (neighbor < -1 || neighbor >= total) return false;
        // A link on a level leads to a vector that has this level.
        if (neighbor >= 0 && graph.levels[static_cast<std::size_t>(neighbor)] <= level)
          return false;
      }
    }
  }
  return true;
}

void CheckParsed(const std::filesystem::path& path, const ParsedFaissFile& parsed,
                 const VectorFileRecord& record) {
  const faiss::IndexFlat* flat = parsed.flat;
  const std::string type = parsed.graph ? "hnsw" : "flat";
  if (flat == nullptr || flat->metric_type != faiss::METRIC_INNER_PRODUCT || type != record.type) {
    throw Damaged(path, "is not an index of type " + record.type);
  }
  const auto count = static_cast<std::size_t>(record.count);
  const std::size_t row_bytes = static_cast<std::size_t>(record.dimensions) * sizeof(float);
  if (flat->d != record.dimensions || flat->ntotal != record.count || parsed.ids.size() != count ||
      flat->codes.size() != count * row_bytes) {
    throw Damaged(path, "holds another number of vectors or dimensions than the index names");
  }
  for (std::size_t i = 0; i < count; ++i) {
    if (parsed.ids[i] <= (i == 0 ? 0 : parsed.ids[i - 1]))
      throw Damaged(path, "its ids are not ascending");
  }
  if ((count == 0 ? 0 : parsed.ids.back()) != record.last_chunk) {
    throw Damaged(path, "its last id is not the one the index names");
  }
  if (parsed.graph &&
      (parsed.graph->ntotal != record.count || !LinksAreSound(parsed.graph->hnsw, count))) {
    throw Damaged(path, "its graph has impossible links");
  }
}

}  // namespace

ParsedFaissFile::ParsedFaissFile() = default;
ParsedFaissFile::~ParsedFaissFile() = default;
ParsedFaissFile::ParsedFaissFile(ParsedFaissFile&&) noexcept = default;

void SaveFaissFile(const std::filesystem::path& path, const faiss::Index& index,
                   std::span<const std::int64_t> ids, VectorFileRecord& record) {
  faiss::IndexIDMap map;
  // Borrowed for writing only.
  map.index = const_cast<faiss::Index*>(&index);
  map.own_fields = false;
  map.d = index.d;
  map.ntotal = index.ntotal;
  map.is_trained = true;
  map.metric_type = index.metric_type;
  map.id_map.assign(ids.begin(), ids.end());
  BlockWriter writer(path);
  try {
    faiss::write_index(&map, &writer);
  } catch (const faiss::FaissException& error) {
    throw Error(ErrorCode::kIo, path.string() + ": cannot be written: " + error.what());
  }
  writer.Finish(record);
}

void VerifyVectorFile(const std::filesystem::path& path, const VectorFileRecord& record) {
  const Descriptor file(path, O_RDONLY, "cannot be read");
  struct stat status;
  if (fstat(file.get(), &status) != 0) throw IoError(path, "cannot be read", errno);
  if (!S_ISREG(status.st_mode) || status.st_size != record.bytes) {
    throw Damaged(path, "has " + std::to_string(status.st_size) + " bytes instead of " +
                            std::to_string(record.bytes));
  }
  BlockChecksum checksum;
  std::vector<std::byte> block;
  while (ReadBlock(path, file.get(), block)) checksum.AddBlock(block);
  if (checksum.Value() != record.checksum) throw Damaged(path, "its checksum is wrong");
}

ParsedFaissFile ParseFaissFile(const std::filesystem::path& path, const VectorFileRecord& record) {
  ParsedFaissFile parsed;
  try {
    parsed.root.reset(faiss::read_index(path.c_str()));
    auto* map = dynamic_cast<faiss::IndexIDMap*>(parsed.root.get());
    if (map == nullptr) throw Damaged(path, "is not an index with ids");
    parsed.ids.assign(map->id_map.begin(), map->id_map.end());
    map->id_map = {};
    if (auto* graph = dynamic_cast<faiss::IndexHNSWFlat*>(map->index)) {
      map->index = nullptr;
      map->own_fields = false;
      parsed.graph.reset(graph);
      parsed.flat = dynamic_cast<faiss::IndexFlat*>(graph->storage);
    } else {
      parsed.flat = dynamic_cast<faiss::IndexFlat*>(map->index);
    }
  } catch (const faiss::FaissException& error) {
    throw Damaged(path, std::string("FAISS cannot read it: ") + error.what());
  }
  CheckParsed(path, parsed, record);
  return parsed;
}

}  // namespace fovea
