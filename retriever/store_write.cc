// Changing the store: everything inside one transaction, all or nothing.

#include <cmath>

#include "lib/base/error.h"
#include "lib/base/file.h"
#include "lib/base/hash.h"
#include "retriever/chunker.h"
#include "retriever/store_state.h"

namespace fovea {
namespace {

std::int64_t Checksum(std::span<const std::byte> bytes) {
  return static_cast<std::int64_t>(Checksum64(bytes));
}

// A failure half-way leaves a change half done: the transaction must not be committed then.
class ChangeGuard {
 public:
  explicit ChangeGuard(Store::State& state) : state_(state) { state_.RequireWrite(); }
  ~ChangeGuard() {
    if (!done_) state_.write_failed = true;
  }
  ChangeGuard(const ChangeGuard&) = delete;
  ChangeGuard& operator=(const ChangeGuard&) = delete;
  void Done() { done_ = true; }

 private:
  Store::State& state_;
  bool done_ = false;
};

void ValidateChunks(const Document& document, std::span<const NewChunk> chunks, int dimensions) {
  for (const NewChunk& chunk : chunks) {
    const ByteRange range = chunk.chunk.range;
    if (range.begin > range.end || range.end > document.text.size()) {
      throw Error(ErrorCode::kInvalidArgument, document.name + ": a chunk lies outside its text");
    }
    if (chunk.vector.size() != static_cast<std::size_t>(dimensions)) {
      throw Error(ErrorCode::kInvalidArgument,
                  document.name + ": a vector has " + std::to_string(chunk.vector.size()) +
                      " dimensions, the index " + std::to_string(dimensions));
    }
    for (const float x : chunk.vector) {
      if (!std::isfinite(x)) {
        throw Error(ErrorCode::kInvalidArgument, document.name + ": a vector is not finite");
      }
    }
  }
}

std::int64_t RequireSource(sqlite::Database& database, const std::string& path) {
  sqlite::Statement row = database.Query("SELECT id FROM sources WHERE path = ?1", path);
  if (!row.Step()) throw Error(ErrorCode::kNotFound, path + ": is not a source of the index");
  return row.Int(0);
}

void PutText(sqlite::Database& database, std::int64_t document, std::string_view text) {
  for (std::size_t at = 0; at < text.size(); at += kTextPartBytes) {
    const auto bytes = std::as_bytes(std::span(text.substr(at, kTextPartBytes)));
    database
        .Query("INSERT INTO texts(document, part, checksum, bytes) VALUES (?1, ?2, ?3, ?4)",
               document, at / kTextPartBytes, Checksum(bytes), bytes)
        .Run();
  }
}

void PutChunk(sqlite::Database& database, std::int64_t document, const std::string& title,
              std::string_view text, const NewChunk& chunk) {
  const ByteRange range = chunk.chunk.range;
  database
      .Query(
          "INSERT INTO chunks(document, range_begin, range_end, tokens, heading) "
          "VALUES (?1, ?2, ?3, ?4, ?5)",
          document, range.begin, range.end, chunk.chunk.tokens, chunk.chunk.heading)
      .Run();
  const std::int64_t id = database.LastInsertId();
  const auto vector = std::as_bytes(chunk.vector);
  database
      .Query("INSERT INTO vectors(chunk, checksum, vector) VALUES (?1, ?2, ?3)", id,
             Checksum(vector), vector)
      .Run();
  database
      .Query("INSERT INTO postings(rowid, text) VALUES (?1, ?2)", id,
             ContextualText(title, chunk.chunk.heading, Slice(text, range)))
      .Run();
}

// FTS5 keeps no copy of the texts: it must be told exactly what it was given.
void DropDocument(Store::State& state, std::int64_t document) {
  sqlite::Database& database = *state.database;
  std::vector<std::int64_t> chunks;
  {
    sqlite::Statement row = database.Query(
        "SELECT id FROM chunks WHERE document = ?1 ORDER BY range_begin, range_end, id", document);
    while (row.Step()) chunks.push_back(row.Int(0));
  }
  for (const std::int64_t chunk : chunks) {
    database
        .Query("INSERT INTO postings(postings, rowid, text) VALUES ('delete', ?1, ?2)", chunk,
               state.LexicalText(chunk))
        .Run();
    database.Query("DELETE FROM vectors WHERE chunk = ?1", chunk).Run();
  }
  database.Query("DELETE FROM chunks WHERE document = ?1", document).Run();
  database.Query("DELETE FROM texts WHERE document = ?1", document).Run();
  database.Query("DELETE FROM documents WHERE id = ?1", document).Run();
}

}  // namespace

void Store::Begin() {
  if (state_->mode != Mode::kWrite) {
    throw Error(ErrorCode::kInvalidArgument, folder().string() + ": was opened for reading");
  }
  if (state_->database->InTransaction()) {
    throw Error(ErrorCode::kInvalidArgument,
                folder().string() + ": a snapshot or a transaction is already open");
  }
  state_->database->Execute("BEGIN IMMEDIATE");
  state_->write_open = true;
  state_->write_failed = false;
}

void Store::Commit() {
  state_->RequireWrite();
  try {
    // SQLite rolls back by itself on some errors.
    if (state_->write_failed || !state_->database->InTransaction()) {
      throw Error(ErrorCode::kIo, state_->file().string() +
                                      ": a change before failed, so nothing of this transaction "
                                      "was kept: run the command again");
    }
    FaultPoint("sqlite-commit:before");
    state_->database->Query("UPDATE state SET generation = generation + 1").Run();
    state_->database->Query("COMMIT").Run();
  } catch (...) {
    Rollback();
    throw;
  }
  state_->write_open = false;
  FaultPoint("sqlite-commit:after");
}

void Store::Rollback() {
  state_->write_open = false;
  // Ids given inside the transaction may be given again, to other texts.
  state_->cached_document = 0;
  try {
    if (state_->database->InTransaction()) state_->database->Execute("ROLLBACK");
  } catch (const Error& error) {
    // The file is as it was before the transaction either way; the journal is gone with the
    // connection.
    state_->Log(LogLevel::kWarning, error.what());
  }
}

void Store::SetSettings(const IndexSettings& settings) {
  ChangeGuard guard(*state_);
  if (settings.dimensions < 1) {
    throw Error(ErrorCode::kInvalidArgument, "an index needs at least one dimension");
  }
  state_->database
      ->Query("INSERT OR REPLACE INTO settings VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6)",
              settings.embedder, settings.embedder_fingerprint, settings.precision,
              settings.dimensions, settings.chunk_tokens, settings.chunk_overlap)
      .Run();
  guard.Done();
}

void Store::PutSource(const SourceRecord& source) {
  ChangeGuard guard(*state_);
  state_->database
      ->Query(
          "INSERT INTO sources(path, content_hash, size, modified_ns) VALUES (?1, ?2, ?3, ?4) "
          "ON CONFLICT(path) DO UPDATE SET content_hash = ?2, size = ?3, modified_ns = ?4",
          source.path, source.content_hash, source.size, source.modified_ns)
      .Run();
  guard.Done();
}

DocumentId Store::AddDocument(const Document& document, const std::string& source,
                              const std::string& content_hash, std::span<const NewChunk> chunks) {
  state_->RequireWrite();
  const std::optional<IndexSettings> parameters = settings();
  if (!parameters) {
    throw Error(ErrorCode::kInvalidArgument,
                folder().string() + ": Store::SetSettings comes before the first document");
  }
  ValidateChunks(document, chunks, parameters->dimensions);
  sqlite::Database& database = *state_->database;
  const std::int64_t source_id = RequireSource(database, source);

  ChangeGuard guard(*state_);
  if (const auto old = FindDocument(document.name)) DropDocument(*state_, Value(old->id));
  database
      .Query(
          "INSERT INTO documents(name, source, title, format, content_hash, metadata, bytes) "
          "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
          document.name, source_id, document.title, document.format, content_hash,
          document.metadata_json, document.text.size())
      .Run();
  const std::int64_t id = database.LastInsertId();
  PutText(database, id, document.text);
  for (const NewChunk& chunk : chunks) {
    PutChunk(database, id, document.title, document.text, chunk);
  }
  guard.Done();
  return DocumentId{id};
}

void Store::RemoveDocument(DocumentId id) {
  ChangeGuard guard(*state_);
  DropDocument(*state_, Value(id));
  guard.Done();
}

void Store::RemoveSource(const std::string& path) {
  ChangeGuard guard(*state_);
  for (const DocumentRecord& document : DocumentsOfSource(path)) {
    DropDocument(*state_, Value(document.id));
  }
  state_->database->Query("DELETE FROM sources WHERE path = ?1", path).Run();
  guard.Done();
}

void Store::RenameSource(const std::string& from, const std::string& to) {
  state_->RequireWrite();
  sqlite::Database& database = *state_->database;
  const std::int64_t source = RequireSource(database, from);
  if (from == to) return;
  if (FindSource(to)) {
    throw Error(ErrorCode::kInvalidArgument, to + ": is already a source of the index");
  }
  ChangeGuard guard(*state_);
  database.Query("UPDATE sources SET path = ?2 WHERE id = ?1", source, to).Run();
  const std::optional<DocumentRecord> named = FindDocument(from);
  if (named && named->source == to) {
    if (const auto other = FindDocument(to)) DropDocument(*state_, Value(other->id));
    database.Query("UPDATE documents SET name = ?2 WHERE id = ?1", named->id, to).Run();
  }
  guard.Done();
}

void Store::SetVectorFile(const VectorFileRecord& record) {
  ChangeGuard guard(*state_);
  state_->database
      ->Query("INSERT OR REPLACE INTO vector_file VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
              record.file_name, record.type, record.bytes,
              static_cast<std::int64_t>(record.checksum), record.count, record.dimensions,
              record.generation, record.last_chunk, record.recall)
      .Run();
  guard.Done();
}

}  // namespace fovea
