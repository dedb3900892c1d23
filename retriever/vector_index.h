// Nearest neighbours by inner product over the vectors that the store holds.
//
// The vectors file is derived data: `vectors.<generation>.index`, written under a temporary name, flushed, renamed, and only then named
// in SQLite, with size, checksum, type, d and count, all checked before anything is searched. A file that is missing, torn or of another
// generation is reported and rebuilt (in memory where the folder cannot be written). Chunks newer than it are searched exactly; chunks
// deleted since are dropped at search.
//
// An open VectorIndex is immutable and shared by threads; it answers for the store's generation at the time of Open.

#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lib/base/callbacks.h"
#include "lib/base/ids.h"
#include "retriever/store.h"

namespace fovea {

class ThreadPool;

struct DenseHit {
  ChunkId chunk{};
  float score = 0;  // inner product; cosine for unit vectors
};

// What a search compares the query with first: codes of 8 bits, a quarter of the memory, whose bounded loss the exact vectors make good;
// or the f32 vectors themselves, which are scanned whatever their number.
enum class VectorCodes { kInt8, kF32 };

struct VectorIndexOptions {
  // nullopt: as the present file has them, else kInt8. Another choice than the file's has it rebuilt.
  std::optional<VectorCodes> codes{};
  // Up to this many vectors: exact ("flat"); beyond: HNSW (Malkov and Yashunin 2018). Exact search is one scan of
  // 8-bit codes (200,000 × 384: 7 ms on one AVX-512 core), the graph takes minutes to build: it pays off late.
  std::int64_t exact_up_to = 250'000;
  // Up to this many: HNSW; beyond: inverted lists (Jégou, Douze and Schmid 2011), which take 400 bytes a vector of memory instead of 660, and
  // far less time to build.
  std::int64_t graph_up_to = 4'000'000;
  // The file is rebuilt when more than this share of the store's chunks is newer than it or deleted since.
  double stale_share = 0.1;
  // Fewer stale chunks than this never cause a rebuild.
  std::int64_t stale_floor = 1'000;
};

// What the file was written with; kInt8 if there was none.
VectorCodes CodesOf(const VectorFileRecord& record);

class VectorIndex {
 public:
  // Builds the file from the store and publishes it (store in Mode::kWrite, no open transaction). Old files are removed afterwards, except the one
  // before the last, which a reader may be opening. Does nothing if the present one is fresh enough and sound. True if it was built.
  static bool Publish(Store& store, const VectorIndexOptions& options, ThreadPool* pool, const LogCallback& log,
                      bool force = false);

  // Opens for searching. Call between Store::BeginSnapshot and EndSnapshot if other processes may write.
  static std::unique_ptr<VectorIndex> Open(const Store& store, const VectorIndexOptions& options, ThreadPool* pool,
                                           const LogCallback& log);
  ~VectorIndex();

  // The k best, best first, ties by chunk id. `accept` empty: all; else only chunks for which it is true (an exact scan when few are).
  std::vector<DenseHit> Search(std::span<const float> query, int k,
                               const std::function<bool(ChunkId, DocumentId)>& accept = {}) const;

  std::int64_t size() const;        // vectors that can be found
  const std::string& type() const;  // "flat", "hnsw", "ivf", "flat_f32"
  double recall() const;            // recall@10 against exact; 1 for flat

  // Problems of the file that the store names, one line each; empty if sound.
  static std::vector<std::string> Check(const Store& store);

 private:
  struct State;
  explicit VectorIndex(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace fovea
