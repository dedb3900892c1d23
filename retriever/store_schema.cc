// The tables of fovea.sqlite, and the steps from each version to the next. docs/formats.md
// describes them.

#include <array>

#include "lib/base/error.h"
#include "retriever/store_state.h"

namespace fovea {
namespace {

// Postings index what the view says, so SQLite itself can rebuild them from the stored texts and
// check them against these.
constexpr const char* kVersion1 = R"sql(
CREATE TABLE state(
  id INTEGER PRIMARY KEY CHECK (id = 1),
  generation INTEGER NOT NULL);
INSERT INTO state VALUES (1, 0);

CREATE TABLE settings(
  id INTEGER PRIMARY KEY CHECK (id = 1),
  embedder TEXT NOT NULL,
  embedder_fingerprint TEXT NOT NULL,
  precision TEXT NOT NULL,
  dimensions INTEGER NOT NULL,
  chunk_tokens INTEGER NOT NULL,
  chunk_overlap INTEGER NOT NULL);

CREATE TABLE vector_file(
  id INTEGER PRIMARY KEY CHECK (id = 1),
  file_name TEXT NOT NULL,
  type TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  checksum INTEGER NOT NULL,
  count INTEGER NOT NULL,
  dimensions INTEGER NOT NULL,
  generation INTEGER NOT NULL,
  last_chunk INTEGER NOT NULL,
  recall REAL NOT NULL);

CREATE TABLE sources(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  path TEXT NOT NULL UNIQUE,
  content_hash TEXT NOT NULL,
  size INTEGER NOT NULL,
  modified_ns INTEGER NOT NULL);

CREATE TABLE documents(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE,
  source INTEGER NOT NULL REFERENCES sources(id),
  title TEXT NOT NULL,
  format TEXT NOT NULL,
  content_hash TEXT NOT NULL,
  metadata TEXT NOT NULL,
  bytes INTEGER NOT NULL);
CREATE INDEX documents_by_source ON documents(source);

CREATE TABLE texts(
  id INTEGER PRIMARY KEY,
  document INTEGER NOT NULL REFERENCES documents(id),
  part INTEGER NOT NULL,
  checksum INTEGER NOT NULL,
  bytes BLOB NOT NULL,
  UNIQUE (document, part));

CREATE TABLE chunks(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  document INTEGER NOT NULL REFERENCES documents(id),
  range_begin INTEGER NOT NULL,
  range_end INTEGER NOT NULL,
  tokens INTEGER NOT NULL,
  heading TEXT NOT NULL);
CREATE INDEX chunks_by_document ON chunks(document, range_begin, range_end);

CREATE TABLE vectors(
  chunk INTEGER PRIMARY KEY REFERENCES chunks(id),
  checksum INTEGER NOT NULL,
  vector BLOB NOT NULL);

CREATE VIEW lexical_texts AS SELECT id AS chunk, fovea_lexical_text(id) AS text FROM chunks;
CREATE VIRTUAL TABLE postings USING fts5(
  text, content = 'lexical_texts', content_rowid = 'chunk', tokenize = 'porter unicode61');
)sql";

// kMigrations[v] takes a database of version v to v + 1, out of what is stored alone.
constexpr std::array<const char*, kStoreSchemaVersion> kMigrations = {kVersion1};

std::int64_t Pragma(sqlite::Database& database, std::string_view sql) {
  sqlite::Statement statement = database.Query(sql);
  return statement.Step() ? statement.Int(0) : 0;
}

void Migrate(sqlite::Database& database, std::int64_t version) {
  database.Execute("BEGIN IMMEDIATE");
  try {
    for (; version < kStoreSchemaVersion; ++version) {
      database.Execute(kMigrations[static_cast<std::size_t>(version)]);
    }
    database.Execute("PRAGMA application_id = " + std::to_string(kStoreApplicationId));
    database.Execute("PRAGMA user_version = " + std::to_string(kStoreSchemaVersion));
    database.Execute("COMMIT");
  } catch (...) {
    if (database.InTransaction()) database.Execute("ROLLBACK");
    throw;
  }
}

}  // namespace

bool IsForeign(sqlite::Database& database) {
  if (Pragma(database, "PRAGMA application_id") == kStoreApplicationId) return false;
  return Pragma(database, "SELECT count(*) FROM sqlite_schema") > 0;
}

bool PrepareSchema(sqlite::Database& database, bool writable) {
  const std::int64_t version = Pragma(database, "PRAGMA user_version");
  const bool empty = Pragma(database, "SELECT count(*) FROM sqlite_schema") == 0;
  if (IsForeign(database)) {
    throw Error(ErrorCode::kUnsupported,
                database.path().string() +
                    ": is a SQLite database of another program: name another index folder");
  }
  if (version > kStoreSchemaVersion || version < 0) {
    throw Error(ErrorCode::kUnsupported,
                database.path().string() + ": was written by a newer version of fovea (format " +
                    std::to_string(version) + ", this one knows up to " +
                    std::to_string(kStoreSchemaVersion) +
                    "): use that version, or delete the folder and run fovea index again");
  }
  if (version == kStoreSchemaVersion) return true;
  if (!writable) {
    if (empty) return false;
    throw Error(ErrorCode::kUnsupported,
                database.path().string() + ": was written by an older version of fovea (format " +
                    std::to_string(version) + "): run fovea index once to bring it up to date");
  }
  Migrate(database, version);
  return true;
}

}  // namespace fovea
