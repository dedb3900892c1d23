// Changes on their way into the store: documents are chunked, tokenised and embedded together, then
// everything that was queued is committed in one transaction, in the order it was queued.
//
// Nothing of the store changes before Flush. What Flush writes does not depend on how documents are
// spread over groups, nor on the number of threads. Used by one thread.

#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "lib/nn/encoder.h"
#include "lib/text/document.h"
#include "retriever/chunker.h"
#include "retriever/store.h"

namespace fovea {

class ThreadPool;

// Calls body(i) for every i < count on the pool, or here if there is none.
void ForEachIndex(ThreadPool* pool, std::size_t count,
                  const std::function<void(std::size_t)>& body);

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
                std::size_t group_bytes, ThreadPool* pool);

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

  bool empty() const { return changes_.empty(); }
  // Large enough to be flushed: bounds memory and what a kill can lose.
  bool full() const;

  // Throws Error(kCancelled) when `stop` is requested before the commit (nothing is changed then),
  // and what the store throws.
  void Flush(GroupCounts& counts, std::stop_token stop);

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
  void Prepare(NewDocument& added) const;
  std::vector<float> Embed(std::span<NewDocument* const> documents, GroupCounts& counts,
                           std::stop_token stop) const;
  void Apply(const NewDocument& added, std::span<const float> vectors);

  Store& store_;
  const Encoder& encoder_;
  const ChunkerOptions& chunker_;
  std::size_t group_bytes_;
  ThreadPool* pool_;
  std::vector<Change> changes_;
  std::unordered_map<std::string, std::string> queued_;  // document name to source
  std::size_t text_bytes_ = 0;
};

}  // namespace fovea
