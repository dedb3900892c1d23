// One run of Indexer::Add over the files that a walk has found.

#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "lib/base/callbacks.h"
#include "lib/base/thread_pool.h"
#include "retriever/document_group.h"
#include "retriever/index_pipeline.h"
#include "retriever/indexer.h"
#include "retriever/source_file.h"
#include "retriever/source_walk.h"

namespace fovea {

class IndexRun {
 public:
  // Borrows all of them for its lifetime. `pool` may be null: one thread.
  IndexRun(Store& store, const Encoder& encoder, const IndexerOptions& options, ThreadPool* pool,
           const ProgressCallback& progress, std::stop_token stop);

  // Throws as Indexer::Add.
  IndexReport Update(SourceWalk walk);

 private:
  // What the store knows: the sources in question, what has become of them, how many documents each
  // has.
  void Recall(const SourceWalk& walk);
  const SourceRecord* StoredSource(const std::string& path) const;
  std::int64_t DocumentsIn(const std::string& source) const;
  // The store with all in it that was queued in groups before the one at hand.
  const Store& SettledStore();
  std::optional<DocumentRecord> FindStored(const std::string& document);
  void Know(const std::string& document);

  // Workers load files ahead of the one at hand.
  void UpdateFiles(std::span<const SourceFile> files);
  void UpdateFile(const LoadedFile& file);
  bool TakeRename(const LoadedFile& file);
  // Whether `old` holds the documents of the file, but for its name and a title that is its name.
  bool HoldsTheSame(const LoadedFile& file, const SourceRecord& old);
  void RetitleRenamed(const LoadedFile& file, const std::string& old_path);
  void UpdateDocuments(const LoadedFile& file);
  void UpdateDocument(const Document& document, const std::string& hash, const std::string& source);
  void RemoveVanished(const LoadedFile& file);
  void RemoveGone();
  void RefreshRecords();
  void RemoveSource(const std::string& path);
  std::unique_ptr<DocumentGroup> NewGroup();
  void FlushIfFull();
  // Hands the group at hand over to the pipeline.
  void Flush();
  void Report(std::uint64_t bytes_done);

  Store& store_;
  const Encoder& encoder_;
  const IndexerOptions& options_;
  ThreadPool alone_{1};
  ThreadPool& pool_;
  const ProgressCallback& progress_;
  std::stop_token stop_;
  IndexPipeline pipeline_;
  std::unique_ptr<DocumentGroup> group_;
  IndexReport report_;
  std::unordered_map<std::string, SourceRecord> stored_;
  std::unordered_map<std::string, std::int64_t> documents_in_;
  // Hashes of the names of all documents that are stored or queued, and of some that are no longer:
  // what is not among them need not be looked up.
  std::unordered_set<std::size_t> known_;
  std::map<std::string, std::string> gone_;  // path to content hash: files that are no longer there
  std::unordered_set<std::string> freed_;    // documents whose removal is queued
  std::vector<SourceRecord> refreshed_;      // same content, other time
  std::uint64_t refreshed_bytes_ = 0;
  std::uint64_t bytes_total_ = 0;
  std::uint64_t bytes_done_ = 0;
  bool clashed_ = false;  // a document of the file at hand was left out for its name
  bool changed_ = false;
};

}  // namespace fovea
