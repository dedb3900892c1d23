#include "retriever/document_group.h"

#include <algorithm>
#include <utility>

#include "lib/base/error.h"
#include "retriever/source_file.h"

namespace fovea {
namespace {

// A group of many small changes is full at this number of them.
constexpr std::size_t kGroupChanges = 2048;
// Chunks embedded by one call: the bound on the memory for activations and on how late a stop is
// noticed.
constexpr std::size_t kSliceChunks = 256;

// What is embedded for a chunk.
std::string EmbeddedText(const std::string& document_name, const std::string& title,
                         const std::string& heading, std::string_view text) {
  return ContextualText(IsFileNameTitle(title, document_name) ? "" : title, heading, text);
}

}  // namespace

void ThrowIfIndexingStopped(const std::stop_token& stop) {
  if (stop.stop_requested()) {
    throw Error(
        ErrorCode::kCancelled,
        "indexing was stopped; what was committed stays, and the next run goes on from there");
  }
}

DocumentGroup::DocumentGroup(Store& store, const Encoder& encoder, const ChunkerOptions& chunker,
                             std::size_t group_bytes, ThreadPool& pool)
    : store_(store), encoder_(encoder), chunker_(chunker), group_bytes_(group_bytes), pool_(pool) {}

void DocumentGroup::PutSource(SourceRecord source) { changes_.emplace_back(std::move(source)); }

void DocumentGroup::AddDocument(Document document, std::string content_hash, std::string source,
                                std::optional<DocumentId> replaced) {
  text_bytes_ += document.text.size();
  queued_[document.name] = source;
  NewDocument added;
  added.document = std::move(document);
  added.content_hash = std::move(content_hash);
  added.source = std::move(source);
  added.replaced = replaced;
  changes_.emplace_back(std::move(added));
}

void DocumentGroup::RemoveDocument(DocumentId id) { changes_.emplace_back(DocumentRemoval{id}); }

void DocumentGroup::RemoveSource(std::string path) {
  changes_.emplace_back(SourceRemoval{std::move(path)});
}

void DocumentGroup::RenameSource(std::string from, std::string to) {
  queued_[to] = to;
  changes_.emplace_back(SourceRename{std::move(from), std::move(to)});
}

const std::string* DocumentGroup::QueuedSourceOf(const std::string& document) const {
  const auto found = queued_.find(document);
  return found == queued_.end() ? nullptr : &found->second;
}

bool DocumentGroup::full() const {
  return text_bytes_ >= group_bytes_ || changes_.size() >= kGroupChanges;
}

void DocumentGroup::RecallOldChunks(NewDocument& added) const {
  if (!added.replaced) return;
  const auto record = store_.FindDocument(*added.replaced);
  if (!record) return;
  const std::string text = store_.DocumentText(*added.replaced);
  for (const auto& [id, chunk] : store_.ChunksOfDocument(*added.replaced)) {
    added.old_chunks.emplace(
        EmbeddedText(record->name, record->title, chunk.heading, Slice(text, chunk.range)), id);
  }
}

void DocumentGroup::ChunkAndTokenize(NewDocument& added) const {
  const Document& document = added.document;
  added.chunks = ChunkDocument(document, encoder_.tokenizer(), chunker_);
  added.tokens.resize(added.chunks.size());
  added.copied.resize(added.chunks.size());
  for (std::size_t i = 0; i < added.chunks.size(); ++i) {
    const Chunk& chunk = added.chunks[i];
    const std::string text = EmbeddedText(document.name, document.title, chunk.heading,
                                          Slice(document.text, chunk.range));
    if (const auto old = added.old_chunks.find(text); old != added.old_chunks.end()) {
      added.copied[i] = old->second;
      continue;
    }
    int cut = 0;
    added.tokens[i] = encoder_.Tokenize(encoder_.config().passage_prompt + text, &cut);
    added.cut_tokens += cut;
  }
}

void DocumentGroup::Prepare() {
  for (Change& change : changes_) {
    auto* added = std::get_if<NewDocument>(&change);
    if (added == nullptr) continue;
    RecallOldChunks(*added);
    added->preparing = pool_.Post([this, added] { ChunkAndTokenize(*added); });
  }
}

void DocumentGroup::Embed(GroupCounts& counts, std::stop_token stop) {
  std::vector<std::vector<TokenId>> slice;
  std::size_t rows = 0;
  const auto embed_slice = [&] {
    ThrowIfIndexingStopped(stop);
    if (slice.empty()) return;
    const Matrix embedded = encoder_.Embed(slice, &pool_);
    vectors_.insert(vectors_.end(), embedded.data(),
                    embedded.data() + embedded.rows() * embedded.cols());
    slice.clear();
  };
  for (Change& change : changes_) {
    auto* added = std::get_if<NewDocument>(&change);
    if (added == nullptr) continue;
    added->preparing.Wait();
    added->first_vector = rows;
    counts.cut_tokens += added->cut_tokens;
    for (std::size_t i = 0; i < added->tokens.size(); ++i) {
      if (added->copied[i]) {
        ++counts.reused;
        continue;
      }
      counts.tokens += static_cast<std::int64_t>(added->tokens[i].size());
      ++counts.chunks;
      ++rows;
      slice.push_back(std::move(added->tokens[i]));
      if (slice.size() == kSliceChunks) embed_slice();
    }
  }
  embed_slice();
}

void DocumentGroup::Write() {
  store_.Begin();
  try {
    for (const Change& change : changes_) Apply(change);
    store_.Commit();
  } catch (...) {
    store_.Rollback();
    throw;
  }
}

void DocumentGroup::Apply(const Change& change) {
  if (const auto* source = std::get_if<SourceRecord>(&change)) store_.PutSource(*source);
  if (const auto* added = std::get_if<NewDocument>(&change)) Apply(*added);
  if (const auto* removal = std::get_if<DocumentRemoval>(&change))
    store_.RemoveDocument(removal->id);
  if (const auto* removal = std::get_if<SourceRemoval>(&change)) store_.RemoveSource(removal->path);
  if (const auto* rename = std::get_if<SourceRename>(&change))
    store_.RenameSource(rename->from, rename->to);
}

void DocumentGroup::Apply(const NewDocument& added) {
  const auto width = static_cast<std::size_t>(encoder_.config().width);
  std::vector<std::vector<float>> copies(added.chunks.size());
  std::vector<NewChunk> chunks(added.chunks.size());
  std::size_t row = added.first_vector;
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    chunks[i].chunk = added.chunks[i];
    if (added.copied[i]) {
      copies[i] = store_.Vector(*added.copied[i]);
      chunks[i].vector = copies[i];
    } else {
      chunks[i].vector = std::span(vectors_).subspan(row++ * width, width);
    }
  }
  store_.AddDocument(added.document, added.source, added.content_hash, chunks);
}

}  // namespace fovea
