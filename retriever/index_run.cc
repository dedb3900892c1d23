#include "retriever/index_run.h"

#include <algorithm>
#include <deque>
#include <functional>
#include <utility>

#include "lib/base/error.h"

namespace fovea {
namespace {

// Files that are loaded ahead of the one at hand; bounds memory.
constexpr std::size_t kAheadFiles = 256;
constexpr std::uint64_t kAheadBytes = std::uint64_t{4} << 20;
// Records of unchanged files whose time differs are worth a transaction of their own from here on:
// less is read again next time.
constexpr std::size_t kRefreshFiles = 1000;
constexpr std::uint64_t kRefreshBytes = std::uint64_t{64} << 20;

std::uint64_t Bytes(const SourceFile& file) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(file.size, 0));
}

std::string FileName(const std::string& path) {
  return std::filesystem::path(path).filename().string();
}

struct LoadingFile {
  LoadedFile file;
  ThreadPool::Task task;  // Last: the file must outlive it.
};

}  // namespace

IndexRun::IndexRun(Store& store, const Encoder& encoder, const IndexerOptions& options,
                   ThreadPool* pool, const ProgressCallback& progress, std::stop_token stop)
    : store_(store),
      encoder_(encoder),
      options_(options),
      pool_(pool != nullptr ? *pool : alone_),
      progress_(progress),
      stop_(std::move(stop)),
      pipeline_(pool_, [this](std::uint64_t bytes) { Report(bytes); }),
      group_(NewGroup()) {}

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
  UpdateFiles(changed);
  RemoveGone();
  RefreshRecords();
  Flush();
  pipeline_.Drain(stop_);
  const GroupCounts& counts = pipeline_.counts();
  report_.chunks = counts.chunks;
  report_.tokens = counts.tokens;
  report_.cut_tokens = counts.cut_tokens;
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
    Know(document.name);
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

const Store& IndexRun::SettledStore() {
  pipeline_.Drain(stop_);
  return store_;
}

std::optional<DocumentRecord> IndexRun::FindStored(const std::string& document) {
  if (!known_.contains(std::hash<std::string>()(document))) return std::nullopt;
  return SettledStore().FindDocument(document);
}

void IndexRun::Know(const std::string& document) {
  known_.insert(std::hash<std::string>()(document));
}

void IndexRun::UpdateFiles(std::span<const SourceFile> files) {
  std::deque<LoadingFile> loading;
  std::uint64_t bytes_ahead = 0;
  std::size_t next = 0;
  for (const SourceFile& file : files) {
    while (next < files.size() && loading.size() < kAheadFiles &&
           (loading.empty() || bytes_ahead + Bytes(files[next]) <= kAheadBytes)) {
      const SourceFile& ahead = files[next++];
      bytes_ahead += Bytes(ahead);
      LoadedFile& loaded = loading.emplace_back().file;
      loading.back().task = pool_.Post([this, &ahead, &loaded] {
        loaded = LoadFile(ahead, StoredSource(ahead.name), options_.loader);
      });
    }
    loading.front().task.Wait();
    UpdateFile(loading.front().file);
    // Progress is what is embedded, not what is read.
    if (loading.front().file.document_count > 0) {
      group_->AddSourceBytes(Bytes(file));
    } else {
      Report(Bytes(file));
    }
    loading.pop_front();
    bytes_ahead -= Bytes(file);
    FlushIfFull();
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
    group_->RenameSource(path, file.record.path);
    group_->PutSource(file.record);
    Know(file.record.path);
    RetitleRenamed(file, path);
    report_.renamed += DocumentsIn(path);
    changed_ = true;
    gone_.erase(path);
    return true;
  }
  return false;
}

bool IndexRun::HoldsTheSame(const LoadedFile& file, const SourceRecord& old) {
  if (static_cast<std::int64_t>(file.document_count) != DocumentsIn(old.path)) return false;
  bool same = true;
  const Store& store = SettledStore();
  VisitDocuments(file, options_.loader, [&](const Document& document, const std::string&) {
    const std::string& old_name = document.name == file.record.path ? old.path : document.name;
    const auto stored = store.FindDocument(old_name);
    const bool untitled = IsFileNameTitle(document.title, document.name);
    const std::string old_hash = HashOf(document, untitled ? FileName(old_name) : document.title);
    // The names of both must be free for each other, and the text is compared: the hash is not a
    // cryptographic one.
    same = stored && stored->source == old.path && stored->content_hash == old_hash &&
           store.DocumentText(stored->id) == document.text &&
           group_->QueuedSourceOf(document.name) == nullptr &&
           (document.name == old_name || !store.FindDocument(document.name));
    return same;
  });
  return same;
}

void IndexRun::RetitleRenamed(const LoadedFile& file, const std::string& old_path) {
  const std::string& path = file.record.path;
  if (FileName(path) == FileName(old_path)) return;
  VisitDocuments(file, options_.loader, [&](const Document& document, const std::string& hash) {
    if (document.name != path || !IsFileNameTitle(document.title, path)) return true;
    group_->AddDocument(document, hash, path, SettledStore().FindDocument(old_path)->id);
    return true;
  });
}

void IndexRun::UpdateDocuments(const LoadedFile& file) {
  const std::string& path = file.record.path;
  if (StoredSource(path) == nullptr) {
    // Without a hash until all its documents are in, so that a run that is cut short is taken up
    // again.
    group_->PutSource({.path = path, .content_hash = "", .size = -1, .modified_ns = -1});
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
  group_->PutSource(std::move(record));
  changed_ = true;
}

void IndexRun::UpdateDocument(const Document& document, const std::string& hash,
                              const std::string& source) {
  const std::string* queued = group_->QueuedSourceOf(document.name);
  // One whose removal is queued is as good as gone.
  const auto stored = freed_.erase(document.name) > 0 ? std::nullopt : FindStored(document.name);
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
      SettledStore().DocumentText(stored->id) == document.text) {
    ++report_.unchanged;
    return;
  }
  ++(stored ? report_.updated : report_.added);
  Know(document.name);
  group_->AddDocument(document, hash, source, stored ? std::optional(stored->id) : std::nullopt);
}

void IndexRun::RemoveVanished(const LoadedFile& file) {
  if (StoredSource(file.record.path) == nullptr) return;
  for (const DocumentRecord& document : SettledStore().DocumentsOfSource(file.record.path)) {
    if (file.last_of_name.contains(document.name)) continue;
    group_->RemoveDocument(document.id);
    freed_.insert(document.name);
    ++report_.removed;
  }
}

void IndexRun::RemoveSource(const std::string& path) {
  report_.removed += DocumentsIn(path);
  for (const DocumentRecord& document : SettledStore().DocumentsOfSource(path))
    freed_.insert(document.name);
  group_->RemoveSource(path);
  changed_ = true;
}

void IndexRun::RemoveGone() {
  // Documents of gone files that another file has taken over are no longer theirs.
  if (!gone_.empty()) Flush();
  for (const auto& [path, hash] : gone_) {
    report_.removed += static_cast<std::int64_t>(SettledStore().DocumentsOfSource(path).size());
    group_->RemoveSource(path);
    changed_ = true;
    FlushIfFull();
  }
}

void IndexRun::RefreshRecords() {
  if (!changed_ && refreshed_.size() < kRefreshFiles && refreshed_bytes_ < kRefreshBytes) return;
  for (SourceRecord& record : refreshed_) {
    group_->PutSource(std::move(record));
    FlushIfFull();
  }
}

std::unique_ptr<DocumentGroup> IndexRun::NewGroup() {
  return std::make_unique<DocumentGroup>(store_, encoder_, options_.chunker, options_.group_bytes,
                                         pool_);
}

void IndexRun::FlushIfFull() {
  if (group_->full() || stop_.stop_requested()) Flush();
}

void IndexRun::Flush() {
  pipeline_.Push(std::exchange(group_, NewGroup()), stop_);
  freed_.clear();
}

void IndexRun::Report(std::uint64_t bytes) {
  bytes_done_ += bytes;
  if (progress_ && bytes_total_ > 0) {
    progress_({.stage = "indexing", .done = bytes_done_, .total = bytes_total_});
  }
}

}  // namespace fovea
