#include "retriever/state_cache.h"

#include <algorithm>
#include <cstring>
#include <mutex>
#include <system_error>
#include <utility>

#include "lib/base/error.h"
#include "lib/base/hash.h"
#include "retriever/sqlite.h"

namespace fovea {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kVersion = 1;  // user_version
// Nobody should wait for a cache.
constexpr const char* kBusyTimeout = "PRAGMA busy_timeout = 200";
constexpr const char* kSchema =
    "CREATE TABLE IF NOT EXISTS states (id INTEGER PRIMARY KEY AUTOINCREMENT, model TEXT NOT NULL, "
    "key TEXT NOT NULL, tokens INTEGER NOT NULL, checksum INTEGER NOT NULL, data BLOB NOT NULL, "
    "UNIQUE (model, key))";

std::int64_t Number(sqlite::Statement statement) { return statement.Step() ? statement.Int(0) : 0; }

// [T] scales, then [T, D] codes.
std::vector<std::byte> Pack(const RowCodes& states) {
  const auto scales = std::as_bytes(std::span(states.scales));
  const auto codes = std::as_bytes(std::span(states.codes));
  std::vector<std::byte> data(scales.begin(), scales.end());
  data.insert(data.end(), codes.begin(), codes.end());
  return data;
}

std::optional<RowCodes> Unpack(std::span<const std::byte> data, std::int64_t tokens,
                               std::int64_t checksum) {
  if (static_cast<std::int64_t>(Checksum64(data)) != checksum) return std::nullopt;
  if (tokens < 0 || static_cast<std::uint64_t>(tokens) > data.size() / sizeof(float))
    return std::nullopt;
  RowCodes states;
  states.scales.resize(static_cast<std::size_t>(tokens));
  const std::span<const std::byte> scales = data.first(states.scales.size() * sizeof(float));
  const std::span<const std::byte> codes = data.subspan(scales.size());
  if (!scales.empty()) std::memcpy(states.scales.data(), scales.data(), scales.size());
  states.codes.resize(codes.size());
  if (!codes.empty()) std::memcpy(states.codes.data(), codes.data(), codes.size());
  return states;
}

class StateCache final : public PassageStateCache {
 public:
  StateCache(fs::path file, std::string model, std::int64_t max_bytes, LogCallback log)
      : file_(std::move(file)),
        model_(std::move(model)),
        max_bytes_(max_bytes),
        log_(std::move(log)) {
    try {
      Open();
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kCorrupt) throw;
      StartAnew(error);
    }
  }

  std::vector<std::optional<RowCodes>> Get(std::span<const std::string> keys) override {
    std::vector<std::optional<RowCodes>> found(keys.size());
    Try([&] {
      for (std::size_t i = 0; i < keys.size(); ++i) {
        sqlite::Statement row = database_->Query(
            "SELECT data, tokens, checksum FROM states WHERE model = ?1 AND key = ?2", model_,
            keys[i]);
        if (row.Step()) found[i] = Unpack(row.Blob(0), row.Int(1), row.Int(2));
      }
    });
    return found;
  }

  void Put(std::span<const std::string> keys, std::span<const RowCodes> states) override {
    Try([&] {
      Transaction([&] {
        for (std::size_t i = 0; i < keys.size(); ++i) {
          const std::vector<std::byte> data = Pack(states[i]);
          database_
              ->Query(
                  "INSERT OR REPLACE INTO states (model, key, tokens, checksum, data) VALUES (?1, "
                  "?2, ?3, ?4, ?5)",
                  model_, keys[i], states[i].scales.size(),
                  static_cast<std::int64_t>(Checksum64(data)), std::span(data))
              .Run();
        }
        Shrink();
      });
    });
  }

 private:
  void Open() {
    database_ = std::make_unique<sqlite::Database>(file_, sqlite::Database::Mode::kReadWrite);
    database_->Execute(kBusyTimeout);
    const std::int64_t version = Number(database_->Query("PRAGMA user_version"));
    if (version != kVersion && Number(database_->Query("SELECT count(*) FROM sqlite_master")) > 0) {
      throw Error(ErrorCode::kCorrupt, file_.string() + ": is of another version");
    }
    if (version != kVersion) database_->Execute("PRAGMA page_size = 16384");
    database_->Query("PRAGMA journal_mode = WAL").Run();
    // A power cut may lose the last states, nothing else; cached pages would be memory twice.
    database_->Execute(
        "PRAGMA synchronous = NORMAL; PRAGMA cache_size = -2048; PRAGMA cell_size_check = ON; "
        "PRAGMA journal_size_limit = 67108864");
    Transaction([&] {
      database_->Execute(kSchema);
      database_->Execute("PRAGMA user_version = " + std::to_string(kVersion));
      database_->Query("DELETE FROM states WHERE model <> ?1", model_).Run();
    });
  }

  void StartAnew(const Error& why) {
    if (log_) {
      log_(LogLevel::kWarning,
           file_.string() + ": the cache of passage states is made anew (" + why.what() + ")");
    }
    database_.reset();
    for (const char* suffix : {"", "-wal", "-shm"}) {
      std::error_code ignored;
      fs::remove(file_.string() + suffix, ignored);
    }
    Open();
  }

  template <typename Body>
  void Transaction(const Body& body) {
    database_->Execute("BEGIN IMMEDIATE");
    try {
      body();
      database_->Execute("COMMIT");
    } catch (...) {
      if (database_->InTransaction()) database_->Execute("ROLLBACK");
      throw;
    }
  }

  // The oldest go until what is left fits.
  void Shrink() {
    const std::int64_t page = Number(database_->Query("PRAGMA page_size"));
    const auto bytes = [&] {
      return page * (Number(database_->Query("PRAGMA page_count")) -
                     Number(database_->Query("PRAGMA freelist_count")));
    };
    while (bytes() > max_bytes_) {
      database_
          ->Query(
              "DELETE FROM states WHERE id IN (SELECT id FROM states ORDER BY id LIMIT (SELECT 1 + "
              "count(*) / 16 FROM states))")
          .Run();
      if (database_->Changes() == 0) return;
    }
  }

  // What cannot be read or written now is not there; a damaged file is made anew.
  template <typename Body>
  void Try(const Body& body) {
    const std::lock_guard lock(mutex_);
    if (database_ == nullptr) return;
    try {
      body();
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kCorrupt) {
        if (log_) log_(LogLevel::kInfo, std::string("passage states: ") + error.what());
        return;
      }
      try {
        StartAnew(error);
      } catch (const Error&) {
        database_.reset();  // Goes on without.
      }
    }
  }

  fs::path file_;
  std::string model_;
  std::int64_t max_bytes_;
  LogCallback log_;
  std::mutex mutex_;
  std::unique_ptr<sqlite::Database> database_;
};

}  // namespace

std::unique_ptr<PassageStateCache> OpenStateCache(const fs::path& folder, const std::string& model,
                                                  std::int64_t max_bytes, const LogCallback& log) {
  try {
    return std::make_unique<StateCache>(folder / "states.sqlite", model, max_bytes, log);
  } catch (const Error& error) {
    if (log) log(LogLevel::kInfo, std::string("passage states are not kept: ") + error.what());
    return nullptr;
  }
}

}  // namespace fovea
