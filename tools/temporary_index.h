// An index that lives as long as an evaluation.

#pragma once

#include <filesystem>
#include <string>

#include "retriever/chunker.h"
#include "retriever/indexer.h"
#include "tools/session.h"

namespace fovea::tools {

// A new folder below the system's folder for temporary files, removed with everything in it at the
// end of its life.
class TemporaryFolder {
 public:
  // Throws Error(kIo).
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// Indexes `source` (a file or folder) into the folder `index`, with the session's embedder, threads
// and progress. Warnings and skipped documents are reported.
IndexReport BuildIndex(Session& session, const std::filesystem::path& index,
                       const std::filesystem::path& source, const ChunkerOptions& chunker,
                       Precision precision = kDefaultPrecision);

}  // namespace fovea::tools
