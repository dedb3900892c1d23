// What a Store holds, and the SQLite schema it works on. Internal to retriever/store*.cc.

#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "lib/base/callbacks.h"
#include "retriever/sqlite.h"
#include "retriever/store.h"
#include "retriever/store_lock.h"

namespace fovea {

inline constexpr std::int32_t kStoreApplicationId = 0x464F5645;  // "FOVE"
inline constexpr std::int64_t kStoreSchemaVersion = 1;
// Texts are stored in parts of this many bytes, so that a passage of a huge document costs one
// part.
inline constexpr std::size_t kTextPartBytes = 65536;

struct Store::State {
  std::filesystem::path folder;
  Mode mode = Mode::kRead;
  LogCallback log;
  std::optional<StoreLock> lock;
  std::unique_ptr<sqlite::Database> database;
  bool snapshot_open = false;
  bool write_open = false;
  // A change failed half-way: the open transaction can only be rolled back.
  bool write_failed = false;

  // The part read last. Parts never change while their document id lives.
  std::int64_t cached_document = 0;
  std::size_t cached_part = 0;
  std::string cached_bytes;

  ~State();
  void Log(LogLevel level, const std::string& message) const {
    if (log) log(level, message);
  }
  std::filesystem::path file() const { return folder / "fovea.sqlite"; }

  // Appends text bytes [range.begin, range.end) of the document. Throws Error(kCorrupt) if they are
  // not there.
  void AppendText(std::int64_t document, ByteRange range, std::string& out);
  // What FTS5 indexes for the chunk. Throws Error(kNotFound).
  std::string LexicalText(std::int64_t chunk);
  void RequireWrite() const;
};

// Many statements, one snapshot: opens a read transaction unless one is open already.
class ReadScope {
 public:
  explicit ReadScope(sqlite::Database& database);
  ~ReadScope();
  ReadScope(const ReadScope&) = delete;
  ReadScope& operator=(const ReadScope&) = delete;

 private:
  sqlite::Database& database_;
  bool owner_;
};

// SQLite reports a pattern that is too long as an error of the statement: throws
// Error(kInvalidArgument) instead.
void RequireGlob(const std::string& glob);

// Whether the file has tables, and they are another program's. Throws Error(kCorrupt) if it is no
// database.
bool IsForeign(sqlite::Database& database);

// Whether the database is ours and of this version; makes or migrates it if `writable`. False if it
// is empty and not `writable`. Throws Error(kUnsupported) for another program's file and for a
// newer version, Error(kCorrupt) for no database.
bool PrepareSchema(sqlite::Database& database, bool writable);

// Makes the SQL function fovea_lexical_text(chunk), which the schema's view for FTS5 calls.
void RegisterLexicalText(Store::State& state);

}  // namespace fovea
