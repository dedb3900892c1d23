#include "retriever/fts5_tokenizer.h"

#include <sqlite3.h>

#include <exception>
#include <limits>

#include "lib/base/error.h"

namespace fovea {
namespace {

fts5_api* Fts5(sqlite::Database& database) {
  fts5_api* api = nullptr;
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(database.handle(), "SELECT fts5(?1)", -1, &statement, nullptr) ==
      SQLITE_OK) {
    sqlite3_bind_pointer(statement, 1, &api, "fts5_api_ptr", nullptr);
    sqlite3_step(statement);
  }
  sqlite3_finalize(statement);
  if (api == nullptr) {
    throw Error(ErrorCode::kUnsupported,
                "this SQLite library has no FTS5: install one that has (Debian's libsqlite3-0)");
  }
  return api;
}

struct Visit {
  const std::function<bool(std::string_view, ByteRange)>& visit;
  std::exception_ptr failure;
};

// Called by SQLite, which knows no exceptions.
int VisitWord(void* context, int, const char* stem, int bytes, int begin, int end) {
  auto& visit = *static_cast<Visit*>(context);
  try {
    const ByteRange range{static_cast<std::size_t>(begin), static_cast<std::size_t>(end)};
    return visit.visit({stem, static_cast<std::size_t>(bytes)}, range) ? SQLITE_OK : SQLITE_DONE;
  } catch (...) {
    visit.failure = std::current_exception();
    return SQLITE_ABORT;
  }
}

}  // namespace

void ForEachWord(sqlite::Database& database, std::string_view text,
                 const std::function<bool(std::string_view stem, ByteRange word)>& visit) {
  if (text.empty()) return;
  if (text.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
    throw Error(ErrorCode::kInvalidArgument,
                "a text of more than 2 GiB cannot be split into words");
  }
  fts5_api* api = Fts5(database);
  fts5_tokenizer tokenizer;
  void* user_data = nullptr;
  const char* arguments[] = {"unicode61"};
  Fts5Tokenizer* instance = nullptr;
  if (api->xFindTokenizer(api, "porter", &user_data, &tokenizer) != SQLITE_OK ||
      tokenizer.xCreate(user_data, arguments, 1, &instance) != SQLITE_OK) {
    throw Error(ErrorCode::kUnsupported, "this SQLite library has no porter tokenizer");
  }
  Visit context{visit, nullptr};
  const int code = tokenizer.xTokenize(instance, &context, FTS5_TOKENIZE_DOCUMENT, text.data(),
                                       static_cast<int>(text.size()), VisitWord);
  tokenizer.xDelete(instance);
  if (context.failure) std::rethrow_exception(context.failure);
  if (code != SQLITE_OK && code != SQLITE_DONE) database.Fail(code, "split a text into words");
}

}  // namespace fovea
