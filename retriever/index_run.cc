#include "retriever/index_run.h"

#include <algorithm>
#include <utility>

#include "lib/base/error.h"

namespace fovea {
namespace {

// Files that are read at once; bounds memory.
constexpr std::size_t kBatchFiles = 256;
constexpr std::int64_t kBatchBytes = std::int64_t{4} << 20;
// Records of unchanged files whose time differs are worth a transaction of their own from here on:
// less is read again next time.
constexpr std::size_t kRefreshFiles = 1000;
constexpr std::uint64_t kRefreshBytes = std::uint64_t{64} << 20;

std::uint64_t Bytes(const SourceFile& file) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(file.size, 0));
}

std::size_t BatchSize(std::span<const SourceFile> files) {
  std::int64_t bytes = 0;
  std::size_t count = 0;
  while (count < files.size() && count < kBatchFiles) {
    bytes += files[count].size;
    if (count > 0 && bytes > kBatchBytes) break;
    ++count;
  }
  return count;
}

std::string FileName(const std::string& path) {
  return std::filesystem::path(path).filename().string();
}

}  // namespace

IndexRun::IndexRun(Store& store, const Encoder& encoder, const IndexerOptions& options,
                   ThreadPool* pool, const ProgressCallback& progress, std::stop_token stop)
    : store_(store),
      options_(options),
      pool_(pool),
      progress_(progress),
      stop_(std::move(stop)),
      group_(store, encoder, options_.chunker, options_.group_bytes, pool) {}

IndexReport IndexRun::Update(SourceWalk walk) {
  Recall(walk);
  report_.skipped = std::move(walk.skipped);
  std::vector<SourceFile> changed;
  for (SourceFile& file : walk.files) {
    const SourceRecord* stored = StoredSource(file.name);
    if (stored != nullptr && LooksUnchanged(file, *stored)) {
      report_.unchanged += DocumentsIn(file.name);
    } else {
      bytes_total_ += Bytes(file);
      changed.push_back(std::move(file));
    }
  }
  walk.files = {};
  Report(0);
  for (std::span<const SourceFile> rest = changed; !rest.empty();) {
    const std::size_t count = BatchSize(rest);
    UpdateBatch(rest.first(count));
    rest = rest.subspan(count);
  }
  RemoveGone();
  RefreshRecords();
  Flush();
  report_.chunks = counts_.chunks;
  report_.tokens = counts_.tokens;
  report_.cut_tokens = counts_.cut_tokens;
  return std::move(report_);
}

void IndexRun::Recall(const SourceWalk& walk) {
  const auto in_question = [&](const std::string& path) {
    return std::any_of(walk.roots.begin(), walk.roots.end(),
                       [&](const std::string& root) { return IsAtOrBelow(path, root); });
  };
  for (SourceRecord& source : store_.Sources()) {
    if (in_question(source.path)) stored_.emplace(source.path, std::move(source));
  }
  store_.ForEachDocument([&](const DocumentRecord& document) {
    ++documents_in_[document.source];
    return true;
  });
  std::unordered_set<std::string> found;
  for (const SourceFile& file : walk.files) found.insert(file.name);
  for (const auto& [path, source] : stored_) {
    if (found.contains(path)) continue;
    switch (StateOfFile(path)) {
      case FileState::kGone:
        gone_.emplace(path, source.content_hash);
        break;
      case FileState::kUnknown:
        report_.unchanged += DocumentsIn(path);
        break;
      case FileState::kFile:
        break;  // Left out by the globs, say: not this run's business.
    }
  }
}

const SourceRecord* IndexRun::StoredSource(const std::string& path) const {
  const auto found = stored_.find(path);
  return found == stored_.end() ? nullptr : &found->second;
}

std::int64_t IndexRun::DocumentsIn(const std::string& source) const {
  const auto found = documents_in_.find(source);
  return found == documents_in_.end() ? 0 : found->second;
}

void IndexRun::UpdateBatch(std::span<const SourceFile> files) {
  std::vector<LoadedFile> loaded(files.size());
  ForEachIndex(pool_, files.size(), [&](std::size_t i) {
    loaded[i] = LoadFile(files[i], StoredSource(files[i].name), options_.loader);
  });
  for (std::size_t i = 0; i < files.size(); ++i) {
    UpdateFile(loaded[i]);
    loaded[i] = {};
    FlushIfFull();
    Report(Bytes(files[i]));
  }
}

void IndexRun::UpdateFile(const LoadedFile& file) {
  if (file.failure) {
    const std::string& path = file.failure->document;
    report_.skipped.push_back(*file.failure);
    if (!file.failure->keep_stored && StoredSource(path) != nullptr) RemoveSource(path);
    return;
  }
  const std::string& path = file.record.path;
  if (file.unchanged) {
    report_.unchanged += DocumentsIn(path);
    refreshed_.push_back(file.record);
    refreshed_bytes_ += static_cast<std::uint64_t>(file.record.size);
    return;
  }
  const bool keep = std::any_of(file.skipped.begin(), file.skipped.end(),
                                [](const SkippedDocument& skipped) { return skipped.keep_stored; });
  report_.skipped.insert(report_.skipped.end(), file.skipped.begin(), file.skipped.end());
  report_.warnings.insert(report_.warnings.end(), file.warnings.begin(), file.warnings.end());
  if (file.document_count == 0) {
    if (!keep && StoredSource(path) != nullptr) RemoveSource(path);
    return;
  }
  if (StoredSource(path) == nullptr && TakeRename(file)) return;
  UpdateDocuments(file);
}

bool IndexRun::TakeRename(const LoadedFile& file) {
  for (const auto& [path, hash] : gone_) {
    if (hash != file.record.content_hash) continue;
    const SourceRecord& old = stored_.at(path);
    if (!HoldsTheSame(file, old)) continue;
    group_.RenameSource(path, file.record.path);
    group_.PutSource(file.record);
    RetitleRenamed(file, path);
    report_.renamed += DocumentsIn(path);
    changed_ = true;
    gone_.erase(path);
    return true;
  }
  return false;
}

bool IndexRun::HoldsTheSame(const LoadedFile& file, const SourceRecord& old) const {
  if (static_cast<std::int64_t>(file.document_count) != DocumentsIn(old.path)) return false;
  bool same = true;
  VisitDocuments(file, options_.loader, [&](const Document& document, const std::string&) {
    const std::string& old_name = document.name == file.record.path ? old.path : document.name;
    const auto stored = store_.FindDocument(old_name);
    const bool untitled = IsFileNameTitle(document.title, document.name);
    const std::string old_hash = HashOf(document, untitled ? FileName(old_name) : document.title);
    // The names of both must be free for each other, and the text is compared: the hash is not a
    // cryptographic one.
    same = stored && stored->source == old.path && stored->content_hash == old_hash &&
           store_.DocumentText(stored->id) == document.text &&
           group_.QueuedSourceOf(document.name) == nullptr &&
           (document.name == old_name || !store_.FindDocument(document.name));
    return same;
  });
  return same;
}

void IndexRun::RetitleRenamed(const LoadedFile& file, const std::string& old_path) {
  const std::string& path = file.record.path;
  if (FileName(path) == FileName(old_path)) return;
  VisitDocuments(file, options_.loader, [&](const Document& document, const std::string& hash) {
    if (document.name != path || !IsFileNameTitle(document.title, path)) return true;
    group_.AddDocument(document, hash, path, store_.FindDocument(old_path)->id);
    return true;
  });
}

void IndexRun::UpdateDocuments(const LoadedFile& file) {
  const std::string& path = file.record.path;
  if (StoredSource(path) == nullptr) {
    // Without a hash until all its documents are in, so that a run that is cut short is taken up
    // again.
    group_.PutSource({.path = path, .content_hash = "", .size = -1, .modified_ns = -1});
  }
  VisitDocuments(file, options_.loader, [&](const Document& document, const std::string& hash) {
    UpdateDocument(document, hash, path);
    FlushIfFull();
    return true;
  });
  RemoveVanished(file);
  SourceRecord record = file.record;
  // What was left out gets another chance, and is told again, on the next run.
  if (std::exchange(clashed_, false)) record.content_hash.clear();
  group_.PutSource(std::move(record));
  changed_ = true;
}

void IndexRun::UpdateDocument(const Document& document, const std::string& hash,
                              const std::string& source) {
  const std::string* queued = group_.QueuedSourceOf(document.name);
  // One whose removal is queued is as good as gone.
  const auto stored =
      freed_.erase(document.name) > 0 ? std::nullopt : store_.FindDocument(document.name);
  const std::string owner = queued != nullptr ? *queued : stored ? stored->source : source;
  if (owner != source && !gone_.contains(owner)) {
    report_.skipped.push_back({document.name,
                               "comes from " + source + ", but a document of this name came from " +
                                   owner + " before: rename one of them, or fovea remove " + owner,
                               false});
    clashed_ = true;
    return;
  }
  if (stored && stored->source == source && stored->content_hash == hash &&
      store_.DocumentText(stored->id) == document.text) {
    ++report_.unchanged;
    return;
  }
  ++(stored ? report_.updated : report_.added);
  group_.AddDocument(document, hash, source, stored ? std::optional(stored->id) : std::nullopt);
}

void IndexRun::RemoveVanished(const LoadedFile& file) {
  if (StoredSource(file.record.path) == nullptr) return;
  for (const DocumentRecord& document : store_.DocumentsOfSource(file.record.path)) {
    if (file.last_of_name.contains(document.name)) continue;
    group_.RemoveDocument(document.id);
    freed_.insert(document.name);
    ++report_.removed;
  }
}

void IndexRun::RemoveSource(const std::string& path) {
  report_.removed += DocumentsIn(path);
  for (const DocumentRecord& document : store_.DocumentsOfSource(path))
    freed_.insert(document.name);
  group_.RemoveSource(path);
  changed_ = true;
}

void IndexRun::RemoveGone() {
  // Documents of gone files that another file has taken over are no longer theirs.
  if (!gone_.empty()) Flush();
  for (const auto& [path, hash] : gone_) {
    report_.removed += static_cast<std::int64_t>(store_.DocumentsOfSource(path).size());
    group_.RemoveSource(path);
    changed_ = true;
    FlushIfFull();
  }
}

void IndexRun::RefreshRecords() {
  if (!changed_ && refreshed_.size() < kRefreshFiles && refreshed_bytes_ < kRefreshBytes) return;
  for (SourceRecord& record : refreshed_) {
    group_.PutSource(std::move(record));
    FlushIfFull();
  }
}

void IndexRun::FlushIfFull() {
  if (group_.full() || stop_.stop_requested()) Flush();
}

void IndexRun::Flush() {
  group_.Flush(counts_, stop_);
  freed_.clear();
}

void IndexRun::Report(std::uint64_t bytes) {
  bytes_done_ += bytes;
  if (progress_ && bytes_total_ > 0) {
    progress_({.stage = "indexing", .done = bytes_done_, .total = bytes_total_});
  }
}

}  // namespace fovea
