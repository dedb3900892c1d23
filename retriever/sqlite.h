// The few calls of SQLite that the store needs, with our errors: a connection and prepared
// statements.
//
// Internal to retriever/. Every failure is fovea::Error that names the database file and says what
// to do about it. A connection and its statements belong to one thread at a time.

#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

struct sqlite3;
struct sqlite3_stmt;

namespace fovea::sqlite {

class Database;

// A prepared statement with its values bound, taken from the connection's cache and given back when
// destroyed. Views of a row's columns live until the next Step.
class Statement {
 public:
  ~Statement();
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&&) = delete;

  // Goes to the next row; false after the last.
  bool Step();
  // Steps to the end: for statements without rows.
  void Run();

  bool IsNull(int column) const;
  std::int64_t Int(int column) const;
  double Real(int column) const;
  std::string_view Text(int column) const;
  std::span<const std::byte> Blob(int column) const;

 private:
  friend class Database;
  Statement(Database& database, std::string_view sql, sqlite3_stmt* handle);
  void Bind(int index, std::int64_t value);
  void Bind(int index, double value);
  void Bind(int index, std::string_view value);
  void Bind(int index, std::span<const std::byte> value);

  Database* database_;
  std::string sql_;
  sqlite3_stmt* handle_;
};

class Database {
 public:
  enum class Mode {
    kReadOnly,   // sees what a writer commits
    kImmutable,  // for media that cannot be written: the file must not change meanwhile
    kReadWrite,  // made if it is not there
  };

  Database(const std::filesystem::path& path, Mode mode);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // One or more statements without values or rows.
  void Execute(const std::string& sql);

  // `sql` with its ?1, ?2, … bound: integers, ids (enums), floating point, text, blobs (spans of
  // bytes).
  template <typename... Values>
  Statement Query(std::string_view sql, const Values&... values) {
    Statement statement(*this, sql, Prepare(sql));
    int index = 0;
    (BindValue(statement, ++index, values), ...);
    return statement;
  }

  bool InTransaction() const;
  std::int64_t LastInsertId() const;
  std::int64_t Changes() const;
  const std::filesystem::path& path() const { return path_; }
  sqlite3* handle() const { return handle_; }

  // Throws what the SQLite result code means; `doing` completes "cannot …".
  [[noreturn]] void Fail(int code, std::string_view doing) const;

 private:
  friend class Statement;
  sqlite3_stmt* Prepare(std::string_view sql);
  void GiveBack(const std::string& sql, sqlite3_stmt* handle);

  template <typename Value>
  static void BindValue(Statement& statement, int index, const Value& value) {
    if constexpr (std::is_enum_v<Value> || std::integral<Value>) {
      statement.Bind(index, static_cast<std::int64_t>(value));
    } else if constexpr (std::floating_point<Value>) {
      statement.Bind(index, static_cast<double>(value));
    } else if constexpr (std::convertible_to<Value, std::string_view>) {
      statement.Bind(index, std::string_view(value));
    } else {
      statement.Bind(index, std::span<const std::byte>(value));
    }
  }

  std::filesystem::path path_;
  sqlite3* handle_ = nullptr;
  // Statements not in use, by their text: a statement that is stepping is never handed out twice.
  std::map<std::string, std::vector<sqlite3_stmt*>, std::less<>> idle_;
};

}  // namespace fovea::sqlite
