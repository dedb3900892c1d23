// Reading sources, documents, chunks and vectors out of the store.

#include <cstring>

#include "lib/base/error.h"
#include "retriever/chunker.h"
#include "retriever/store_state.h"

namespace fovea {
namespace {

constexpr std::string_view kDocumentColumns =
    "SELECT d.id, d.name, s.path, d.title, d.format, d.content_hash, d.metadata, d.bytes "
    "FROM documents d JOIN sources s ON s.id = d.source ";

DocumentRecord DocumentRow(const sqlite::Statement& row) {
  return {.id = DocumentId{row.Int(0)},
          .name = std::string(row.Text(1)),
          .source = std::string(row.Text(2)),
          .title = std::string(row.Text(3)),
          .format = std::string(row.Text(4)),
          .content_hash = std::string(row.Text(5)),
          .metadata_json = std::string(row.Text(6)),
          .bytes = row.Int(7)};
}

SourceRecord SourceRow(const sqlite::Statement& row) {
  return {.path = std::string(row.Text(0)),
          .content_hash = std::string(row.Text(1)),
          .size = row.Int(2),
          .modified_ns = row.Int(3)};
}

std::optional<DocumentRecord> FirstDocument(sqlite::Statement row) {
  if (!row.Step()) return std::nullopt;
  return DocumentRow(row);
}

ByteRange RangeOf(const sqlite::Statement& row, int column) {
  return {static_cast<std::size_t>(row.Int(column)), static_cast<std::size_t>(row.Int(column + 1))};
}

}  // namespace

void RequireGlob(const std::string& glob) {
  constexpr std::size_t kLongest = 50'000;
  if (glob.size() > kLongest) {
    throw Error(ErrorCode::kInvalidArgument, "the document filter has " +
                                                 std::to_string(glob.size()) + " bytes; at most " +
                                                 std::to_string(kLongest) + " are allowed");
  }
}

void Store::State::AppendText(std::int64_t document, ByteRange range, std::string& out) {
  const auto damaged = [&] {
    return Error(ErrorCode::kCorrupt,
                 file().string() + ": the text of document " + std::to_string(document) +
                     " lacks bytes " + std::to_string(range.begin) + " to " +
                     std::to_string(range.end) + "; delete the folder and run fovea index again");
  };
  if (range.begin > range.end) throw damaged();
  std::size_t at = range.begin;
  while (at < range.end) {
    const std::size_t part = at / kTextPartBytes;
    if (cached_document != document || cached_part != part) {
      sqlite::Statement row = database->Query(
          "SELECT bytes FROM texts WHERE document = ?1 AND part = ?2", document, part);
      if (!row.Step()) throw damaged();
      const auto blob = row.Blob(0);
      cached_bytes.assign(reinterpret_cast<const char*>(blob.data()), blob.size());
      cached_document = document;
      cached_part = part;
    }
    const std::size_t offset = at - part * kTextPartBytes;
    if (offset >= cached_bytes.size()) throw damaged();
    const std::size_t count = std::min(range.end - at, cached_bytes.size() - offset);
    out.append(cached_bytes, offset, count);
    at += count;
  }
}

std::string Store::State::LexicalText(std::int64_t chunk) {
  sqlite::Statement row = database->Query(
      "SELECT c.document, c.range_begin, c.range_end, c.heading, d.title "
      "FROM chunks c JOIN documents d ON d.id = c.document WHERE c.id = ?1",
      chunk);
  if (!row.Step()) {
    throw Error(ErrorCode::kNotFound, file().string() + ": no chunk " + std::to_string(chunk));
  }
  std::string text;
  AppendText(row.Int(0), RangeOf(row, 1), text);
  return ContextualText(row.Text(4), row.Text(3), text);
}

std::optional<SourceRecord> Store::FindSource(const std::string& path) const {
  sqlite::Statement row = state_->database->Query(
      "SELECT path, content_hash, size, modified_ns FROM sources WHERE path = ?1", path);
  if (!row.Step()) return std::nullopt;
  return SourceRow(row);
}

std::vector<SourceRecord> Store::Sources() const {
  sqlite::Statement row = state_->database->Query(
      "SELECT path, content_hash, size, modified_ns FROM sources ORDER BY path");
  std::vector<SourceRecord> sources;
  while (row.Step()) sources.push_back(SourceRow(row));
  return sources;
}

std::vector<DocumentRecord> Store::DocumentsOfSource(const std::string& path) const {
  sqlite::Statement row = state_->database->Query(
      std::string(kDocumentColumns) + "WHERE s.path = ?1 ORDER BY d.id", path);
  std::vector<DocumentRecord> documents;
  while (row.Step()) documents.push_back(DocumentRow(row));
  return documents;
}

std::optional<DocumentRecord> Store::FindDocument(const std::string& name) const {
  return FirstDocument(
      state_->database->Query(std::string(kDocumentColumns) + "WHERE d.name = ?1", name));
}

std::optional<DocumentRecord> Store::FindDocument(DocumentId id) const {
  return FirstDocument(
      state_->database->Query(std::string(kDocumentColumns) + "WHERE d.id = ?1", id));
}

void Store::ForEachDocument(const std::function<bool(const DocumentRecord&)>& visit) const {
  sqlite::Statement row =
      state_->database->Query(std::string(kDocumentColumns) + "ORDER BY d.name");
  while (row.Step()) {
    if (!visit(DocumentRow(row))) return;
  }
}

std::string Store::DocumentText(DocumentId id) const {
  const ReadScope scope(*state_->database);
  const std::optional<DocumentRecord> document = FindDocument(id);
  if (!document) {
    throw Error(ErrorCode::kNotFound,
                folder().string() + ": no document " + std::to_string(Value(id)));
  }
  return DocumentText(id, {0, static_cast<std::size_t>(document->bytes)});
}

std::string Store::DocumentText(DocumentId id, ByteRange range) const {
  const ReadScope scope(*state_->database);
  std::string text;
  text.reserve(range.begin < range.end && range.size() < (std::size_t{1} << 31) ? range.size() : 0);
  state_->AppendText(Value(id), range, text);
  return text;
}

std::vector<std::pair<ChunkId, Chunk>> Store::ChunksOfDocument(DocumentId id) const {
  sqlite::Statement row = state_->database->Query(
      "SELECT id, range_begin, range_end, heading, tokens FROM chunks WHERE document = ?1 "
      "ORDER BY range_begin, range_end, id",
      id);
  std::vector<std::pair<ChunkId, Chunk>> chunks;
  while (row.Step()) {
    chunks.emplace_back(ChunkId{row.Int(0)}, Chunk{.range = RangeOf(row, 1),
                                                   .heading = std::string(row.Text(3)),
                                                   .tokens = static_cast<int>(row.Int(4))});
  }
  return chunks;
}

std::vector<Passage> Store::Passages(std::span<const ChunkId> chunks) const {
  const ReadScope scope(*state_->database);
  std::vector<Passage> passages;
  passages.reserve(chunks.size());
  for (const ChunkId chunk : chunks) {
    sqlite::Statement row = state_->database->Query(
        "SELECT d.id, d.name, d.title, c.heading, c.range_begin, c.range_end "
        "FROM chunks c JOIN documents d ON d.id = c.document WHERE c.id = ?1",
        chunk);
    if (!row.Step()) continue;
    Passage passage{.chunk = chunk,
                    .document_id = DocumentId{row.Int(0)},
                    .document = std::string(row.Text(1)),
                    .title = std::string(row.Text(2)),
                    .heading = std::string(row.Text(3)),
                    .range = RangeOf(row, 4),
                    .text = {}};
    state_->AppendText(row.Int(0), passage.range, passage.text);
    passages.push_back(std::move(passage));
  }
  return passages;
}

void Store::ForEachVector(
    ChunkId after,
    const std::function<bool(ChunkId, DocumentId, std::span<const float>)>& visit) const {
  const ReadScope scope(*state_->database);
  const std::optional<IndexSettings> parameters = settings();
  if (!parameters) return;
  // Blobs are not aligned for floats.
  std::vector<float> vector(static_cast<std::size_t>(parameters->dimensions));
  sqlite::Statement row = state_->database->Query(
      "SELECT v.chunk, c.document, v.vector FROM vectors v CROSS JOIN chunks c ON c.id = v.chunk "
      "WHERE v.chunk > ?1 ORDER BY v.chunk",
      after);
  while (row.Step()) {
    const auto blob = row.Blob(2);
    if (blob.size() != vector.size() * sizeof(float)) {
      throw Error(ErrorCode::kCorrupt, state_->file().string() + ": the vector of chunk " +
                                           std::to_string(row.Int(0)) + " has " +
                                           std::to_string(blob.size()) + " bytes instead of " +
                                           std::to_string(vector.size() * sizeof(float)) +
                                           "; delete the folder and run fovea index again");
    }
    if (!vector.empty()) std::memcpy(vector.data(), blob.data(), blob.size());
    if (!visit(ChunkId{row.Int(0)}, DocumentId{row.Int(1)}, vector)) return;
  }
}

void Store::ForEachChunkId(const std::function<bool(ChunkId, DocumentId)>& visit) const {
  sqlite::Statement row = state_->database->Query("SELECT id, document FROM chunks ORDER BY id");
  while (row.Step()) {
    if (!visit(ChunkId{row.Int(0)}, DocumentId{row.Int(1)})) return;
  }
}

std::vector<float> Store::Vector(ChunkId chunk) const {
  sqlite::Statement row =
      state_->database->Query("SELECT vector FROM vectors WHERE chunk = ?1", chunk);
  if (!row.Step()) {
    throw Error(ErrorCode::kNotFound,
                folder().string() + ": no vector of chunk " + std::to_string(Value(chunk)));
  }
  const auto blob = row.Blob(0);
  std::vector<float> vector(blob.size() / sizeof(float));
  if (!vector.empty()) std::memcpy(vector.data(), blob.data(), vector.size() * sizeof(float));
  return vector;
}

std::vector<DocumentId> Store::DocumentsMatching(const std::string& document_glob) const {
  RequireGlob(document_glob);
  sqlite::Statement row =
      document_glob.empty()
          ? state_->database->Query("SELECT id FROM documents ORDER BY id")
          : state_->database->Query("SELECT id FROM documents WHERE name GLOB ?1 ORDER BY id",
                                    document_glob);
  std::vector<DocumentId> documents;
  while (row.Step()) documents.push_back(DocumentId{row.Int(0)});
  return documents;
}

std::int64_t Store::CountChunksMatching(const std::string& document_glob) const {
  RequireGlob(document_glob);
  if (document_glob.empty()) return counts().chunks;
  sqlite::Statement row = state_->database->Query(
      "SELECT count(*) FROM documents d CROSS JOIN chunks c ON c.document = d.id "
      "WHERE d.name GLOB ?1",
      document_glob);
  row.Step();
  return row.Int(0);
}

}  // namespace fovea
