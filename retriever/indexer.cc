#include "retriever/indexer.h"

#include <algorithm>
#include <chrono>
#include <set>
#include <utility>

#include "lib/base/error.h"
#include "retriever/index_run.h"
#include "retriever/source_walk.h"

namespace fovea {
namespace {

IndexSettings SettingsOf(const Encoder& encoder, const ChunkerOptions& chunker) {
  IndexSettings settings;
  settings.embedder = encoder.name();
  settings.embedder_fingerprint = encoder.fingerprint();
  settings.precision = Name(encoder.precision());
  settings.dimensions = encoder.config().width;
  settings.chunk_tokens = chunker.chunk_tokens;
  settings.chunk_overlap = chunker.overlap_tokens;
  return settings;
}

void RequireSame(const IndexSettings& stored, const IndexSettings& wanted,
                 const std::filesystem::path& folder) {
  std::string differences;
  const auto compare = [&](const std::string& what, const std::string& has,
                           const std::string& want) {
    if (has == want) return;
    differences +=
        (differences.empty() ? "" : ", ") + what + " " + has + " (asked for: " + want + ")";
  };
  compare("embedder", stored.embedder, wanted.embedder);
  if (stored.embedder == wanted.embedder) {
    compare("embedder fingerprint", stored.embedder_fingerprint, wanted.embedder_fingerprint);
  }
  compare("precision", stored.precision, wanted.precision);
  compare("dimensions", std::to_string(stored.dimensions), std::to_string(wanted.dimensions));
  compare("chunk tokens", std::to_string(stored.chunk_tokens), std::to_string(wanted.chunk_tokens));
  compare("chunk overlap", std::to_string(stored.chunk_overlap),
          std::to_string(wanted.chunk_overlap));
  if (differences.empty()) return;
  throw Error(
      ErrorCode::kMismatch,
      folder.string() + ": this index was built with " + differences +
          ". Leave the option away to go on with what it was built with, or make a new index: "
          "fovea index --index OTHER_FOLDER PATH");
}

}  // namespace

Indexer::Indexer(Store& store, const Encoder& encoder, const IndexerOptions& options,
                 ThreadPool* pool, LogCallback log)
    : store_(store), encoder_(encoder), options_(options), pool_(pool), log_(std::move(log)) {
  options_.chunker.validate();
  if (const auto stored = store_.settings()) {
    RequireSame(*stored, SettingsOf(encoder_, options_.chunker), store_.folder());
  }
}

IndexReport Indexer::Add(const std::vector<std::filesystem::path>& paths,
                         const ProgressCallback& progress, std::stop_token stop) {
  const auto start = std::chrono::steady_clock::now();
  SourceWalk walk = WalkSources(
      paths,
      {.index_folder = store_.folder(), .include = options_.include, .exclude = options_.exclude});
  if (!store_.settings()) {
    store_.Begin();
    store_.SetSettings(SettingsOf(encoder_, options_.chunker));
    store_.Commit();
  }
  IndexRun run(store_, encoder_, options_, pool_, progress, stop);
  IndexReport report = run.Update(std::move(walk));
  VectorIndex::Publish(store_, options_.vectors, pool_, log_);
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return report;
}

std::int64_t Indexer::Remove(const std::vector<std::string>& paths) {
  std::set<std::string> sources;
  std::set<DocumentId> documents;
  const std::vector<SourceRecord> stored = store_.Sources();
  for (const std::string& path : paths) {
    const std::string normal = NormalizeSourcePath(path);
    bool matched = false;
    for (const SourceRecord& source : stored) {
      if (!IsAtOrBelow(source.path, normal) && source.path != path) continue;
      matched = true;
      sources.insert(source.path);
    }
    // By name: a document of a corpus.jsonl.
    if (const auto document = store_.FindDocument(path); document && !matched) {
      matched = true;
      documents.insert(document->id);
    }
    if (!matched) {
      throw Error(ErrorCode::kNotFound,
                  path + ": is neither a document, nor an indexed file, nor a folder of such; " +
                      "nothing was removed");
    }
  }
  std::int64_t removed = 0;
  store_.Begin();
  try {
    for (const std::string& source : sources) {
      for (const DocumentRecord& document : store_.DocumentsOfSource(source)) {
        documents.erase(document.id);
        ++removed;
      }
      store_.RemoveSource(source);
    }
    for (const DocumentId document : documents) {
      store_.RemoveDocument(document);
      ++removed;
    }
    store_.Commit();
  } catch (...) {
    store_.Rollback();
    throw;
  }
  VectorIndex::Publish(store_, options_.vectors, pool_, log_);
  return removed;
}

}  // namespace fovea
