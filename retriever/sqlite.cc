#include "retriever/sqlite.h"

#include <sqlite3.h>

#include <cstring>
#include <new>
#include <utility>

#include "lib/base/error.h"

namespace fovea::sqlite {
namespace {

// SQLite waits this long for another program (a backup, the sqlite3 shell) that holds the file.
constexpr int kBusyMilliseconds = 10'000;

std::string Uri(const std::filesystem::path& path, bool immutable) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string uri = "file:";
  for (const char c : std::filesystem::absolute(path).string()) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || c == '/' || c == '.' || c == '-' || c == '_') {
      uri += c;
    } else {
      uri += '%';
      uri += kDigits[byte >> 4];
      uri += kDigits[byte & 15];
    }
  }
  return immutable ? uri + "?immutable=1" : uri;
}

struct Advice {
  ErrorCode code;
  std::string_view text;
};

Advice AdviceFor(int primary) {
  switch (primary) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return {ErrorCode::kCorrupt,
              "the index is damaged: delete its folder and run fovea index again"};
    case SQLITE_FULL:
      return {ErrorCode::kIo,
              "the disk is full: free some space and run the command again; what was committed is "
              "kept"};
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_CANTOPEN:
      return {ErrorCode::kIo, "check that its folder exists and that you may write to it"};
    case SQLITE_IOERR:
      return {ErrorCode::kIo,
              "check the disk (space, quota, file size limit) and run the command again; what was "
              "committed is kept"};
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return {ErrorCode::kBusy, "another program holds the file: try again when it is done"};
    case SQLITE_TOOBIG:
    case SQLITE_RANGE:
    case SQLITE_CONSTRAINT:
      return {ErrorCode::kInvalidArgument, "a value does not fit into the index"};
    default:
      return {ErrorCode::kCorrupt,
              "the file is not what this version of fovea writes: delete the folder and run fovea "
              "index again"};
  }
}

}  // namespace

Statement::Statement(Database& database, std::string_view sql, sqlite3_stmt* handle)
    : database_(&database), sql_(sql), handle_(handle) {}

Statement::Statement(Statement&& other) noexcept
    : database_(other.database_),
      sql_(std::move(other.sql_)),
      handle_(std::exchange(other.handle_, nullptr)) {}

Statement::~Statement() {
  if (handle_ != nullptr) database_->GiveBack(sql_, handle_);
}

bool Statement::Step() {
  const int code = sqlite3_step(handle_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  database_->Fail(code, "be read or written");
}

void Statement::Run() {
  while (Step()) {
  }
}

bool Statement::IsNull(int column) const {
  return sqlite3_column_type(handle_, column) == SQLITE_NULL;
}

std::int64_t Statement::Int(int column) const { return sqlite3_column_int64(handle_, column); }

double Statement::Real(int column) const { return sqlite3_column_double(handle_, column); }

std::string_view Statement::Text(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(handle_, column));
  if (text == nullptr) return {};
  return {text, static_cast<std::size_t>(sqlite3_column_bytes(handle_, column))};
}

std::span<const std::byte> Statement::Blob(int column) const {
  const auto* blob = static_cast<const std::byte*>(sqlite3_column_blob(handle_, column));
  if (blob == nullptr) return {};
  return {blob, static_cast<std::size_t>(sqlite3_column_bytes(handle_, column))};
}

void Statement::Bind(int index, std::int64_t value) {
  const int code = sqlite3_bind_int64(handle_, index, value);
  if (code != SQLITE_OK) database_->Fail(code, "take a number");
}

void Statement::Bind(int index, double value) {
  const int code = sqlite3_bind_double(handle_, index, value);
  if (code != SQLITE_OK) database_->Fail(code, "take a number");
}

void Statement::Bind(int index, std::string_view value) {
  // A null pointer would bind NULL, which an empty text is not.
  const char* data = value.data() == nullptr ? "" : value.data();
  const int code =
      sqlite3_bind_text64(handle_, index, data, value.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  if (code != SQLITE_OK) database_->Fail(code, "take a text");
}

void Statement::Bind(int index, std::span<const std::byte> value) {
  const void* data = value.data() == nullptr ? "" : static_cast<const void*>(value.data());
  const int code = sqlite3_bind_blob64(handle_, index, data, value.size(), SQLITE_TRANSIENT);
  if (code != SQLITE_OK) database_->Fail(code, "take a blob");
}

Database::Database(const std::filesystem::path& path, Mode mode) : path_(path) {
  const int access =
      mode == Mode::kReadWrite ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;
  const std::string uri = Uri(path, mode == Mode::kImmutable);
  const int code = sqlite3_open_v2(uri.c_str(), &handle_,
                                   access | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, nullptr);
  if (code != SQLITE_OK) {
    try {
      Fail(code, "be opened");
    } catch (...) {
      sqlite3_close(handle_);
      throw;
    }
  }
  sqlite3_extended_result_codes(handle_, 1);
  sqlite3_busy_timeout(handle_, kBusyMilliseconds);
  // The file may come from a stranger: no side effects out of its schema.
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
}

Database::~Database() {
  for (auto& [sql, handles] : idle_) {
    for (sqlite3_stmt* handle : handles) sqlite3_finalize(handle);
  }
  sqlite3_close(handle_);
}

void Database::Execute(const std::string& sql) {
  const int code = sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) Fail(code, "be read or written");
}

bool Database::InTransaction() const { return sqlite3_get_autocommit(handle_) == 0; }
std::int64_t Database::LastInsertId() const { return sqlite3_last_insert_rowid(handle_); }
std::int64_t Database::Changes() const { return sqlite3_changes64(handle_); }

void Database::Fail(int code, std::string_view doing) const {
  const int primary = code & 0xff;
  if (primary == SQLITE_NOMEM) throw std::bad_alloc();
  const Advice advice = AdviceFor(primary);
  std::string message = path_.string() + ": cannot " + std::string(doing) + ": ";
  message += handle_ != nullptr ? sqlite3_errmsg(handle_) : sqlite3_errstr(code);
  const int system = handle_ != nullptr ? sqlite3_system_errno(handle_) : 0;
  const bool says_why = primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN;
  if (says_why && system != 0) message += std::string(" (") + std::strerror(system) + ")";
  throw Error(advice.code, message + "; " + std::string(advice.text));
}

sqlite3_stmt* Database::Prepare(std::string_view sql) {
  const auto found = idle_.find(sql);
  if (found != idle_.end() && !found->second.empty()) {
    sqlite3_stmt* handle = found->second.back();
    found->second.pop_back();
    return handle;
  }
  sqlite3_stmt* handle = nullptr;
  const int code = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &handle, nullptr);
  if (code != SQLITE_OK) Fail(code, "be read or written");
  return handle;
}

void Database::GiveBack(const std::string& sql, sqlite3_stmt* handle) {
  sqlite3_reset(handle);
  sqlite3_clear_bindings(handle);
  idle_[sql].push_back(handle);
}

}  // namespace fovea::sqlite
