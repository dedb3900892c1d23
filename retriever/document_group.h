// Changes on their way into the store: documents are chunked, tokenised and embedded together, then
// everything that was queued is committed in one transaction, in the order it was queued.
//
// Three steps, each once and in this order: Prepare, Embed, Write. Nothing of the store changes
// before Write. What it writes does not depend on how documents are spread over groups, nor on the
// number of threads. Used by one thread at a time.

#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "lib/base/thread_pool.h"
#include "lib/nn/encoder.h"
#include "lib/text/document.h"
#include "retriever/chunker.h"
#include "retriever/store.h"

namespace fovea {

// Throws Error(kCancelled) if indexing is to stop.
void ThrowIfIndexingStopped(const std::stop_token& stop);

struct GroupCounts {
  std::int64_t chunks = 0;      // embedded
  std::int64_t tokens = 0;      // embedded
  std::int64_t cut_tokens = 0;  // lost to the embedder's window
  std::int64_t reused = 0;      // chunks whose vector was copied
};

class DocumentGroup {
 public:
  // Borrows all of them. `group_bytes`: of text, from which on the group is full.
  DocumentGroup(Store& store, const Encoder& encoder, const ChunkerOptions& chunker,
                std::size_t group_bytes, ThreadPool& pool);

  void PutSource(SourceRecord source);
  // `replaced`: the stored document of the same name; chunks that say the same keep its vectors.
  void AddDocument(Document document, std::string content_hash, std::string source,
                   std::optional<DocumentId> replaced);
  void RemoveDocument(DocumentId id);
  void RemoveSource(std::string path);
  void RenameSource(std::string from, std::string to);

  // The source of a queued document; nullptr if none of this name is queued. Lives until the next
  // change.
  const std::string* QueuedSourceOf(const std::string& document) const;

  // Bytes of files that are dealt with once this group is.
  void AddSourceBytes(std::uint64_t bytes) { source_bytes_ += bytes; }
  std::uint64_t source_bytes() const { return source_bytes_; }

  bool empty() const { return changes_.empty(); }
  // Large enough to be written: bounds memory and what a kill can lose.
  bool full() const;

  // Begins to chunk and tokenise on the pool. The store is read here, and only here if nothing
  // replaces a stored document. The group must stay where it is from now on.
  void Prepare();
  // Waits for that and computes the vectors on the whole pool. Throws Error(kCancelled) when `stop`
  // is requested, and what chunking throws.
  void Embed(GroupCounts& counts, std::stop_token stop);
  // One transaction. Throws what the store throws; nothing is changed then.
  void Write();

 private:
  struct NewDocument {
    Document document;
    std::string content_hash;
    std::string source;
    std::optional<DocumentId> replaced;
    // Filled by Prepare.
    std::unordered_map<std::string, ChunkId> old_chunks;  // by what was embedded
    std::vector<Chunk> chunks;
    std::vector<std::vector<TokenId>> tokens;    // of each chunk; empty where a vector is copied
    std::vector<std::optional<ChunkId>> copied;  // of each chunk
    std::int64_t cut_tokens = 0;
    std::size_t first_vector = 0;  // row of the first chunk that is embedded
    ThreadPool::Task preparing;    // Last: the others must outlive it.
  };
  struct DocumentRemoval {
    DocumentId id;
  };
  struct SourceRemoval {
    std::string path;
  };
  struct SourceRename {
    std::string from;
    std::string to;
  };
  using Change =
      std::variant<SourceRecord, NewDocument, DocumentRemoval, SourceRemoval, SourceRename>;

  void RecallOldChunks(NewDocument& added) const;
  void ChunkAndTokenize(NewDocument& added) const;
  void Apply(const Change& change);
  void Apply(const NewDocument& added);

  Store& store_;
  const Encoder& encoder_;
  const ChunkerOptions& chunker_;
  std::size_t group_bytes_;
  ThreadPool& pool_;
  std::vector<Change> changes_;
  std::vector<float> vectors_;                           // [chunks that are embedded, D]
  std::unordered_map<std::string, std::string> queued_;  // document name to source
  std::size_t text_bytes_ = 0;
  std::uint64_t source_bytes_ = 0;
};

}  // namespace fovea
