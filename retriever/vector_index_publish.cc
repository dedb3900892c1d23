// When and how the vectors file is written: under a temporary name, flushed, renamed, and only then
// named in the store.

#include <algorithm>
#include <charconv>
#include <system_error>

#include "lib/base/error.h"
#include "lib/base/ascii.h"
#include "lib/base/file.h"
#include "lib/base/thread_pool.h"
#include "retriever/vector_file.h"
#include "retriever/vector_file_name.h"
#include "retriever/vector_index.h"

namespace fovea {
namespace {

namespace fs = std::filesystem;
constexpr std::string_view kPrefix = "vectors.";
constexpr std::string_view kSuffix = ".index";
constexpr std::string_view kEarlierSuffix = ".faiss";  // of an earlier format
constexpr std::string_view kTemporary = ".tmp";
constexpr double kRecallPromised = 0.99;

// How many of the store's chunks the file does not know, or knows though they are gone.
std::int64_t StaleChunks(const Store& store, const VectorFileRecord& record) {
  std::int64_t in_file = 0;
  std::int64_t newer = 0;
  store.ForEachChunkId([&](ChunkId chunk, DocumentId) {
    ++(Value(chunk) <= record.last_chunk ? in_file : newer);
    return true;
  });
  return newer + (record.count - in_file);
}

// What so many vectors are searched with.
VectorFileType TypeFor(std::int64_t chunks, const VectorIndexOptions& options) {
  if (options.codes == VectorCodes::kF32) return VectorFileType::kFlatF32;
  if (chunks <= options.exact_up_to) return VectorFileType::kFlat;
  return chunks <= options.graph_up_to ? VectorFileType::kHnsw : VectorFileType::kIvf;
}

bool IsFresh(const Store& store, const VectorFileRecord& record, const VectorIndexOptions& options,
             std::int64_t chunks) {
  if (record.file_name.empty()) return chunks == 0 && CodesOf(record) == options.codes;
  const VectorFileType type = TypeFor(chunks, options);
  // A graph with too low a recall was dropped: the file is exact until it is stale.
  const bool dropped = record.type == "flat" && type == VectorFileType::kHnsw &&
                       TypeFor(record.count, options) == type;
  if (record.type != Name(type) && !dropped) return false;
  const std::int64_t stale = StaleChunks(store, record);
  const double bound = std::max(static_cast<double>(options.stale_floor),
                                options.stale_share * static_cast<double>(chunks));
  return static_cast<double>(stale) <= bound;
}

bool IsSound(const Store& store, const VectorFileRecord& record, ThreadPool* pool,
             const LogCallback& log) {
  if (record.file_name.empty()) return true;
  try {
    CheckRecord(store, record);
    VerifyVectorFile(store.folder() / record.file_name, record, pool);
    return true;
  } catch (const Error& error) {
    if (log)
      log(LogLevel::kWarning, std::string(error.what()) + "; rebuilding it from fovea.sqlite");
    return false;
  }
}

// Files that no reader can be about to open: all but the named one and the one named before it.
void RemoveOldFiles(const fs::path& folder, const std::string& current,
                    const std::string& previous) {
  std::error_code error;
  std::vector<fs::path> old;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (IsVectorFileName(name) && name != current && name != previous) old.push_back(entry->path());
  }
  for (const fs::path& path : old) fs::remove(path, error);
}

// Writes the file's contents to `path`.
void Build(const Store& store, const VectorIndexOptions& options, std::int64_t chunks,
           const fs::path& path, ThreadPool* pool, const LogCallback& log,
           VectorFileRecord& record) {
  const std::optional<IndexSettings> settings = store.settings();
  if (!settings) {
    throw Error(ErrorCode::kCorrupt, store.folder().string() + ": has chunks but no settings");
  }
  VectorFileWriter writer(path, settings->dimensions, chunks, options.codes != VectorCodes::kF32);
  store.ForEachVector(ChunkId{0}, [&](ChunkId chunk, DocumentId, std::span<const float> vector) {
    writer.Add(chunk, vector);
    return true;
  });
  record.recall = 1;
  const VectorFileType type = TypeFor(chunks, options);
  if (type == VectorFileType::kIvf) record.recall = writer.BuildLists(kRecallPromised, pool);
  if (type == VectorFileType::kHnsw) {
    const double recall = writer.BuildGraph({}, kRecallPromised, pool);
    if (recall >= kRecallPromised) {
      record.recall = recall;
    } else {
      if (log) {
        log(LogLevel::kWarning, "the graph index reaches a recall of " + std::to_string(recall) +
                                    " only: searching exactly instead, which is slower");
      }
      writer.DropGraph();
    }
  }
  writer.Finish(record, pool);
}

}  // namespace

std::string VectorFileName(std::int64_t generation) {
  return std::string(kPrefix) + std::to_string(generation) + std::string(kSuffix);
}

bool IsVectorFileName(std::string_view name) {
  const auto strip = [&name](std::string_view end) {
    if (!name.ends_with(end)) return false;
    name.remove_suffix(end.size());
    return true;
  };
  if (!name.starts_with(kPrefix)) return false;
  name.remove_prefix(kPrefix.size());
  strip(kTemporary);
  if (!strip(kSuffix) && !strip(kEarlierSuffix)) return false;
  return !name.empty() && std::all_of(name.begin(), name.end(), IsAsciiDigit);
}

void CheckRecord(const Store& store, const VectorFileRecord& record) {
  const std::optional<IndexSettings> settings = store.settings();
  if (IsVectorFileName(record.file_name) && record.file_name.ends_with(kEarlierSuffix)) {
    throw Error(ErrorCode::kCorrupt, (store.folder() / record.file_name).string() +
                                         ": was written by an earlier version of fovea");
  }
  const bool sensible = record.file_name == VectorFileName(record.generation) &&
                        record.generation <= store.generation() && record.count >= 0 &&
                        record.bytes >= 0 && settings && settings->dimensions == record.dimensions;
  if (!sensible) {
    throw Error(ErrorCode::kCorrupt, store.folder().string() +
                                         ": fovea.sqlite names a vectors file that cannot be its "
                                         "own");
  }
}

VectorCodes CodesOf(const VectorFileRecord& record) {
  return record.type == Name(VectorFileType::kFlatF32) ? VectorCodes::kF32 : VectorCodes::kInt8;
}

bool VectorIndex::Publish(Store& store, const VectorIndexOptions& given, ThreadPool* pool,
                          const LogCallback& log, bool force) {
  const VectorFileRecord before = store.vector_file();
  VectorIndexOptions options = given;
  options.codes = given.codes.value_or(CodesOf(before));
  const std::int64_t chunks = store.counts().chunks;
  if (!force && IsFresh(store, before, options, chunks) && IsSound(store, before, pool, log))
    return false;
  VectorFileRecord record;
  // Kept by an index that lost its last chunk, for the next one.
  record.type = Name(TypeFor(chunks, options));
  if (chunks > 0) {
    record.generation = store.generation();
    record.file_name = VectorFileName(record.generation);
    const fs::path path = store.folder() / record.file_name;
    const fs::path temporary = path.string() + ".tmp";
    try {
      Build(store, options, chunks, temporary, pool, log, record);
      PublishFile(temporary, path);
    } catch (...) {
      std::error_code ignored;
      fs::remove(temporary, ignored);
      throw;
    }
  }
  store.Begin();
  try {
    store.SetVectorFile(record);
  } catch (...) {
    store.Rollback();
    throw;
  }
  store.Commit();
  RemoveOldFiles(store.folder(), record.file_name, before.file_name);
  return true;
}

}  // namespace fovea
