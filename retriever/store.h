// The one truth: documents, chunks, postings, vectors and the generation number in one SQLite file.
//
// Files of an index folder: `fovea.sqlite` (this), `vectors.<generation>.index` (derived, see vector_index.h), `lock` (the writer's).
// Documents, chunks, FTS5 postings, vectors and the generation change together in one transaction; killing the process at any
// instant loses at most the open one. Ids are AUTOINCREMENT and never reused.
//
// A Store belongs to one thread at a time. Any number of processes may read while one writes (WAL); a second writer gets
// Error(kBusy) "… is being indexed by process N". Opens on read-only media.

#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/byte_range.h"
#include "lib/base/callbacks.h"
#include "lib/base/ids.h"
#include "lib/text/document.h"

namespace fovea {

// The parameters an index was built with; opening uses them, and a contradiction is Error(kMismatch).
struct IndexSettings {
  std::string embedder;              // model name: "all-MiniLM-L6-v2"
  std::string embedder_fingerprint;  // Encoder::fingerprint()
  std::string precision = "f32";     // of the embedding computation: "f32", "int8"
  int dimensions = 0;                // D
  int chunk_tokens = 0;
  int chunk_overlap = 0;

  friend bool operator==(const IndexSettings&, const IndexSettings&) = default;
};

// A file that was read: what tells whether it has changed.
struct SourceRecord {
  std::string path;          // as given to `fovea index`, normalised; unique
  std::string content_hash;  // ContentHash of its bytes
  std::int64_t size = 0;     // bytes
  std::int64_t modified_ns = 0;
};

struct DocumentRecord {
  DocumentId id{};
  std::string name;          // unique
  std::string source;        // SourceRecord::path
  std::string title;
  std::string format;
  std::string content_hash;  // of title, text and metadata
  std::string metadata_json;
  std::int64_t bytes = 0;    // of the stored text
};

struct StoreCounts {
  std::int64_t sources = 0;
  std::int64_t documents = 0;
  std::int64_t chunks = 0;
  std::int64_t text_bytes = 0;
};

struct LexicalHit {
  ChunkId chunk{};
  float score = 0;  // BM25, larger is better
};

// A chunk about to be stored. // What FTS5 indexes for it is ContextualText(title, heading, text) of chunker.h: the store makes that itself, when it adds a
// chunk and when it takes it out or repairs the postings.
struct NewChunk {
  Chunk chunk;
  std::span<const float> vector;  // [D], unit length; borrowed for the call
};

// Which vectors file the store names: see vector_index.h.
struct VectorFileRecord {
  std::string file_name;          // "" if none was published
  std::string type;               // "flat", "hnsw", "ivf", "flat_f32"
  std::int64_t bytes = 0;
  std::uint64_t checksum = 0;     // Checksum64
  std::int64_t count = 0;         // vectors in it
  int dimensions = 0;
  std::int64_t generation = 0;    // of the store when it was built
  std::int64_t last_chunk = 0;    // greatest chunk id in it
  double recall = 1.0;            // recall@10 against exact, measured when it was built
};

class Store {
 public:
  enum class Mode { kRead, kWrite };

  // kRead: Error(kNotFound) if there is no index ("no index in …; make one with fovea index PATH"). kWrite: makes the folder and the file if
  // needed, takes the writer's lock. Error(kCorrupt) if SQLite says so, Error(kUnsupported) for a newer user_version.
  static std::unique_ptr<Store> Open(const std::filesystem::path& folder, Mode mode, LogCallback log = {});
  ~Store();

  const std::filesystem::path& folder() const;
  Mode mode() const;

  // nullopt until the first SetSettings.
  std::optional<IndexSettings> settings() const;
  // Bumped by every committed write transaction.
  std::int64_t generation() const;
  StoreCounts counts() const;
  VectorFileRecord vector_file() const;

  // Everything read between these two calls is of one generation. Not to be nested. Optional for single reads.
  void BeginSnapshot();
  void EndSnapshot();

  std::optional<SourceRecord> FindSource(const std::string& path) const;
  std::vector<SourceRecord> Sources() const;  // by path
  std::vector<DocumentRecord> DocumentsOfSource(const std::string& path) const;
  std::optional<DocumentRecord> FindDocument(const std::string& name) const;
  std::optional<DocumentRecord> FindDocument(DocumentId id) const;
  // By name; `visit` returns false to stop.
  void ForEachDocument(const std::function<bool(const DocumentRecord&)>& visit) const;
  // The whole stored text. Throws Error(kNotFound).
  std::string DocumentText(DocumentId id) const;
  std::string DocumentText(DocumentId id, ByteRange range) const;
  // Chunks of one document in order of their ranges.
  std::vector<std::pair<ChunkId, Chunk>> ChunksOfDocument(DocumentId id) const;
  // Passages of these chunks, in the order asked; those that are gone are left out.
  std::vector<Passage> Passages(std::span<const ChunkId> chunks) const;
  // Vectors of chunks with id > after, ascending; `visit` returns false to stop. The span lives during the call.
  void ForEachVector(ChunkId after,
                     const std::function<bool(ChunkId, DocumentId, std::span<const float>)>& visit) const;
  // Every chunk's id and document, ascending; `visit` returns false to stop.
  void ForEachChunkId(const std::function<bool(ChunkId, DocumentId)>& visit) const;
  // [D] of one chunk, for copying what need not be embedded again. Throws Error(kNotFound).
  std::vector<float> Vector(ChunkId chunk) const;

  // BM25 (Robertson and Zaragoza 2009; FTS5, porter stemming) over the chunks: best first, ties by chunk id. Every term of the query is quoted, terms are
  // joined by OR; a query without a term gives nothing. document_glob "": all documents.
  std::vector<LexicalHit> LexicalSearch(std::string_view query, int k, const std::string& document_glob = "") const;
  // Ids of the documents whose name matches the glob (`*` also matches "/").
  std::vector<DocumentId> DocumentsMatching(const std::string& document_glob) const;
  std::int64_t CountChunksMatching(const std::string& document_glob) const;

  // --- Writing (Mode::kWrite) ---
  // Begin … Commit: all or nothing. Destroying the Store, or Rollback, forgets the open one. Calls below need one open.
  void Begin();
  void Commit();  // Bumps the generation. Throws Error(kIo) on a full disk; what was committed before stays.
  void Rollback();

  void SetSettings(const IndexSettings& settings);
  // Adds or replaces the record (not the documents).
  void PutSource(const SourceRecord& source);
  // Adds a document with its chunks; one of the same name is replaced. Source must exist.
  DocumentId AddDocument(const Document& document, const std::string& source, const std::string& content_hash,
                         std::span<const NewChunk> chunks);
  void RemoveDocument(DocumentId id);
  // The source and all its documents.
  void RemoveSource(const std::string& path);
  // Renames a source; documents that bear its name are renamed with it. No source of the new name may exist.
  void RenameSource(const std::string& from, const std::string& to);
  void SetVectorFile(const VectorFileRecord& record);

  // SQLite's integrity check, foreign keys, postings against chunks, vector sizes, ranges inside texts: one line a problem.
  std::vector<std::string> Check() const;
  // Rebuilds postings from stored text where they differ. Needs Mode::kWrite and no open transaction.
  void Repair();

  struct State;  // Internal to retriever/store*.cc.

 private:
  explicit Store(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace fovea
