// Brings an index up to date with files and folders.
//
// Only what changed is read and embedded: unchanged files (size and time, else content hash) are
// left, renamed ones are recognised by content, modified ones replace their documents, files
// deleted under the given paths are removed. Work is committed group by group, so that a kill loses
// little; the result does not depend on where it was interrupted, on the number of threads, or on
// the grouping.

#pragma once

#include <cstdint>
#include <filesystem>
#include <stop_token>
#include <string>
#include <vector>

#include "lib/base/callbacks.h"
#include "lib/nn/encoder.h"
#include "retriever/chunker.h"
#include "retriever/loader.h"
#include "retriever/store.h"
#include "retriever/vector_index.h"

namespace fovea {

class ThreadPool;

struct IndexerOptions {
  ChunkerOptions chunker;
  LoaderOptions loader;
  VectorIndexOptions vectors;
  // Globs on the path as indexed; a file is taken if it matches any `include` (or there is none)
  // and no `exclude`.
  std::vector<std::string> include;
  std::vector<std::string> exclude;
  // Text that is embedded and committed together, about: a bound on memory and on what a kill can
  // lose, which is three times that (index_pipeline.h). The default is a few seconds of work on two
  // cores.
  std::size_t group_bytes = std::size_t{64} << 10;
};

struct IndexReport {
  std::int64_t added = 0;  // documents, as all of these
  std::int64_t updated = 0;
  std::int64_t renamed = 0;
  std::int64_t unchanged = 0;
  std::int64_t removed = 0;
  std::vector<SkippedDocument> skipped;
  std::vector<std::string> warnings;
  std::int64_t chunks = 0;      // embedded by this run
  std::int64_t tokens = 0;      // embedded by this run
  std::int64_t cut_tokens = 0;  // lost to the embedder's window
  double seconds = 0;
};

class Indexer {
 public:
  // Borrows store (Mode::kWrite), encoder and pool. Throws Error(kMismatch) if the store was built
  // with other settings.
  Indexer(Store& store, const Encoder& encoder, const IndexerOptions& options, ThreadPool* pool,
          LogCallback log = {});

  // A path that does not exist is Error(kNotFound) before anything is changed. Throws
  // Error(kCancelled) after committing what is done when `stop` is requested; Error(kIo) on a full
  // disk.
  IndexReport Add(const std::vector<std::filesystem::path>& paths,
                  const ProgressCallback& progress = {}, std::stop_token stop = {});

  // Takes out the documents with these names, of these source files, or below these folders.
  // Returns how many. A path that matches nothing is Error(kNotFound), and nothing is removed.
  std::int64_t Remove(const std::vector<std::string>& paths);

 private:
  Store& store_;
  const Encoder& encoder_;
  IndexerOptions options_;
  ThreadPool* pool_;
  LogCallback log_;
};

}  // namespace fovea
