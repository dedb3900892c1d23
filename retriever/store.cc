#include "retriever/store.h"

#include <system_error>
#include <utility>

#include "lib/base/error.h"
#include "retriever/store_state.h"

namespace fovea {
namespace {

namespace fs = std::filesystem;

Error NoIndex(const fs::path& folder) {
  return Error(ErrorCode::kNotFound,
               "no index in " + folder.string() + "; make one with fovea index PATH");
}

void Configure(sqlite::Database& database) {
  // FULL: a commit is on the disk when it returns, so power loss, too, costs no more than the open
  // transaction.
  database.Execute(
      "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA cache_size = -16384; "
      "PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY");
}

void OpenForWriting(Store::State& state) {
  std::error_code error;
  fs::create_directories(state.folder, error);
  if (error || !fs::is_directory(state.folder)) {
    throw Error(ErrorCode::kIo, state.folder.string() + ": cannot be made a folder: " +
                                    (error ? error.message() : "a file of that name exists"));
  }
  state.lock = StoreLock::Exclusive(state.folder);
  state.database =
      std::make_unique<sqlite::Database>(state.file(), sqlite::Database::Mode::kReadWrite);
  RegisterLexicalText(state);
  // The page size is fixed by the first write. 8 KiB hold five vectors of 384 floats; 4 KiB would
  // hold two.
  state.database->Execute("PRAGMA page_size = 8192");
  // Switching WAL mode on writes: another program's file must stay as it is.
  if (!IsForeign(*state.database)) state.database->Query("PRAGMA journal_mode = WAL").Run();
  Configure(*state.database);
  state.database->Execute("PRAGMA journal_size_limit = 67108864");
  PrepareSchema(*state.database, true);
}

bool TryOpenForReading(Store::State& state, sqlite::Database::Mode mode) {
  state.database = std::make_unique<sqlite::Database>(state.file(), mode);
  RegisterLexicalText(state);
  Configure(*state.database);
  return PrepareSchema(*state.database, false);
}

// A WAL database needs a file for shared memory beside it. Where that cannot be made, the file is
// read as one that nobody changes, which is right as long as no log waits to be written back.
bool OpenReadOnlyMedium(Store::State& state, const Error& why) {
  std::error_code error;
  const fs::path log_file = state.file().string() + "-wal";
  const auto pending = fs::file_size(log_file, error);
  if (!error && pending > 0) {
    throw Error(ErrorCode::kIo,
                state.folder.string() +
                    ": cannot be written, and an interrupted run left changes in fovea.sqlite-wal "
                    "that must be written back first: copy the folder to a place that can be "
                    "written, or run fovea verify where it can (" +
                    why.what() + ")");
  }
  state.lock = StoreLock::Shared(state.folder);
  return TryOpenForReading(state, sqlite::Database::Mode::kImmutable);
}

void OpenForReading(Store::State& state) {
  std::error_code error;
  if (!fs::exists(state.file(), error)) {
    if (error && error != std::errc::no_such_file_or_directory &&
        error != std::errc::not_a_directory) {
      throw Error(ErrorCode::kIo, state.file().string() + ": cannot be read: " + error.message());
    }
    throw NoIndex(state.folder);
  }
  bool found = false;
  try {
    found = TryOpenForReading(state, sqlite::Database::Mode::kReadOnly);
  } catch (const Error& why) {
    state.database.reset();
    if (why.code() != ErrorCode::kIo) throw;
    found = OpenReadOnlyMedium(state, why);
  }
  if (!found) throw NoIndex(state.folder);
}

IndexSettings SettingsRow(const sqlite::Statement& row) {
  return {.embedder = std::string(row.Text(0)),
          .embedder_fingerprint = std::string(row.Text(1)),
          .precision = std::string(row.Text(2)),
          .dimensions = static_cast<int>(row.Int(3)),
          .chunk_tokens = static_cast<int>(row.Int(4)),
          .chunk_overlap = static_cast<int>(row.Int(5))};
}

std::int64_t Number(sqlite::Statement statement) { return statement.Step() ? statement.Int(0) : 0; }

}  // namespace

Store::State::~State() {
  // Statements and connection go before the lock: nobody writes while we still do.
  database.reset();
}

void Store::State::RequireWrite() const {
  if (!write_open) {
    throw Error(ErrorCode::kInvalidArgument,
                folder.string() + ": a change needs an open write transaction (Store::Begin)");
  }
}

ReadScope::ReadScope(sqlite::Database& database)
    : database_(database), owner_(!database.InTransaction()) {
  if (owner_) database_.Execute("BEGIN");
}

ReadScope::~ReadScope() {
  if (!owner_) return;
  try {
    if (database_.InTransaction()) database_.Execute("ROLLBACK");
  } catch (...) {
    // Nothing was changed, so nothing is lost; the next call reports what is wrong.
  }
}

Store::Store(std::unique_ptr<State> state) : state_(std::move(state)) {}
Store::~Store() = default;

std::unique_ptr<Store> Store::Open(const fs::path& folder, Mode mode, LogCallback log) {
  auto state = std::make_unique<State>();
  state->folder = folder;
  state->mode = mode;
  state->log = std::move(log);
  if (mode == Mode::kWrite) {
    OpenForWriting(*state);
  } else {
    OpenForReading(*state);
  }
  return std::unique_ptr<Store>(new Store(std::move(state)));
}

const fs::path& Store::folder() const { return state_->folder; }
Store::Mode Store::mode() const { return state_->mode; }

std::optional<IndexSettings> Store::settings() const {
  sqlite::Statement row = state_->database->Query(
      "SELECT embedder, embedder_fingerprint, precision, dimensions, chunk_tokens, chunk_overlap "
      "FROM settings");
  if (!row.Step()) return std::nullopt;
  return SettingsRow(row);
}

std::int64_t Store::generation() const {
  return Number(state_->database->Query("SELECT generation FROM state"));
}

StoreCounts Store::counts() const {
  sqlite::Database& database = *state_->database;
  const ReadScope scope(database);
  StoreCounts counts;
  counts.sources = Number(database.Query("SELECT count(*) FROM sources"));
  counts.documents = Number(database.Query("SELECT count(*) FROM documents"));
  counts.chunks = Number(database.Query("SELECT count(*) FROM chunks"));
  counts.text_bytes = Number(database.Query("SELECT sum(bytes) FROM documents"));
  return counts;
}

VectorFileRecord Store::vector_file() const {
  sqlite::Statement row = state_->database->Query(
      "SELECT file_name, type, bytes, checksum, count, dimensions, generation, last_chunk, recall "
      "FROM vector_file");
  if (!row.Step()) return {};
  return {.file_name = std::string(row.Text(0)),
          .type = std::string(row.Text(1)),
          .bytes = row.Int(2),
          .checksum = static_cast<std::uint64_t>(row.Int(3)),
          .count = row.Int(4),
          .dimensions = static_cast<int>(row.Int(5)),
          .generation = row.Int(6),
          .last_chunk = row.Int(7),
          .recall = row.Real(8)};
}

void Store::BeginSnapshot() {
  if (state_->database->InTransaction()) {
    throw Error(ErrorCode::kInvalidArgument,
                folder().string() + ": a snapshot or a transaction is already open");
  }
  state_->database->Execute("BEGIN");
  // SQLite takes the snapshot at the first read.
  generation();
  state_->snapshot_open = true;
}

void Store::EndSnapshot() {
  if (!state_->snapshot_open) return;
  state_->snapshot_open = false;
  if (state_->database->InTransaction()) state_->database->Execute("ROLLBACK");
}

}  // namespace fovea
