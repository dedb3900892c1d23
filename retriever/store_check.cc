// Does the store agree with itself? SQLite's checks, and what SQLite cannot know.

#include <cmath>
#include <cstring>

#include "lib/base/error.h"
#include "lib/base/hash.h"
#include "retriever/fts5_tokenizer.h"
#include "retriever/store_state.h"

namespace fovea {
namespace {

constexpr std::size_t kMostProblems = 100;

class Problems {
 public:
  void Add(std::string problem) {
    if (lines_.size() < kMostProblems) lines_.push_back(std::move(problem));
    if (++count_ == kMostProblems + 1) lines_.push_back("… and more");
  }
  std::vector<std::string> Take() { return std::move(lines_); }

 private:
  std::vector<std::string> lines_;
  std::size_t count_ = 0;
};

void CheckSqlite(sqlite::Database& database, Problems& problems) {
  sqlite::Statement pages = database.Query("PRAGMA integrity_check(20)");
  while (pages.Step()) {
    if (pages.Text(0) != "ok") problems.Add("fovea.sqlite: " + std::string(pages.Text(0)));
  }
  sqlite::Statement keys = database.Query("PRAGMA foreign_key_check");
  while (keys.Step()) {
    problems.Add("fovea.sqlite: row " + std::to_string(keys.Int(1)) + " of " +
                 std::string(keys.Text(0)) + " refers to a missing row of " +
                 std::string(keys.Text(2)));
  }
}

void CheckTexts(sqlite::Database& database, Problems& problems) {
  sqlite::Statement row =
      database.Query("SELECT document, part, checksum, bytes FROM texts ORDER BY document, part");
  while (row.Step()) {
    if (static_cast<std::int64_t>(Checksum64(row.Blob(3))) == row.Int(2)) continue;
    problems.Add("the stored text of document " + std::to_string(row.Int(0)) +
                 " is damaged (part " + std::to_string(row.Int(1)) +
                 "): remove the document and index it again");
  }
  sqlite::Statement sizes = database.Query(
      "SELECT d.name, d.bytes, coalesce(sum(length(t.bytes)), 0) AS stored FROM documents d "
      "LEFT JOIN texts t ON t.document = d.id GROUP BY d.id HAVING stored <> d.bytes");
  while (sizes.Step()) {
    problems.Add(std::string(sizes.Text(0)) + ": " + std::to_string(sizes.Int(2)) + " of " +
                 std::to_string(sizes.Int(1)) + " bytes of its text are stored");
  }
}

void CheckVectors(sqlite::Database& database, int dimensions, Problems& problems) {
  sqlite::Statement row =
      database.Query("SELECT chunk, checksum, vector FROM vectors ORDER BY chunk");
  std::vector<float> vector(static_cast<std::size_t>(dimensions));
  while (row.Step()) {
    const auto blob = row.Blob(2);
    const std::string name = "the vector of chunk " + std::to_string(row.Int(0));
    if (blob.size() != vector.size() * sizeof(float)) {
      problems.Add(name + " has " + std::to_string(blob.size()) + " bytes");
      continue;
    }
    if (static_cast<std::int64_t>(Checksum64(blob)) != row.Int(1)) {
      problems.Add(name + " is damaged: remove its document and index it again");
      continue;
    }
    std::memcpy(vector.data(), blob.data(), blob.size());
    double square = 0;
    for (const float x : vector) square += static_cast<double>(x) * static_cast<double>(x);
    // A text without a known word may embed to the zero vector.
    if (square != 0 && !(std::abs(std::sqrt(square) - 1) < 1e-3)) {
      problems.Add(name + " is not of unit length");
    }
  }
  sqlite::Statement missing = database.Query(
      "SELECT id FROM chunks WHERE id NOT IN (SELECT chunk FROM vectors) ORDER BY id");
  while (missing.Step()) {
    problems.Add("chunk " + std::to_string(missing.Int(0)) + " has no vector");
  }
}

bool IsContinuation(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

void CheckRanges(Store::State& state, Problems& problems) {
  sqlite::Statement row = state.database->Query(
      "SELECT c.id, c.document, c.range_begin, c.range_end, d.bytes, d.name FROM chunks c "
      "JOIN documents d ON d.id = c.document ORDER BY c.document, c.range_begin");
  while (row.Step()) {
    const std::int64_t begin = row.Int(2);
    const std::int64_t end = row.Int(3);
    const std::int64_t bytes = row.Int(4);
    const std::string name = std::string(row.Text(5)) + ": chunk " + std::to_string(row.Int(0));
    if (begin < 0 || begin > end || end > bytes) {
      problems.Add(name + " lies outside the text");
      continue;
    }
    for (const std::int64_t at : {begin, end}) {
      if (at == bytes) continue;
      std::string byte;
      try {
        const auto offset = static_cast<std::size_t>(at);
        state.AppendText(row.Int(1), {offset, offset + 1}, byte);
      } catch (const Error& error) {
        problems.Add(name + ": " + error.what());
        continue;
      }
      if (IsContinuation(byte[0])) problems.Add(name + " cuts a character in two");
    }
  }
}

// The sum over all postings of a hash of (term, chunk, position): independent of their order.
class PostingsSum {
 public:
  void Add(std::string_view term, std::int64_t chunk, std::int64_t position) {
    key_.assign(term);
    key_.append(reinterpret_cast<const char*>(&chunk), sizeof chunk);
    key_.append(reinterpret_cast<const char*>(&position), sizeof position);
    sum_ += Checksum64(std::as_bytes(std::span(key_)));
    ++count_;
  }
  friend bool operator==(const PostingsSum& a, const PostingsSum& b) {
    return a.sum_ == b.sum_ && a.count_ == b.count_;
  }

 private:
  std::uint64_t sum_ = 0;
  std::int64_t count_ = 0;
  std::string key_;
};

PostingsSum SumOfIndex(sqlite::Database& database) {
  database.Execute(
      "CREATE VIRTUAL TABLE IF NOT EXISTS temp.posting_instances "
      "USING fts5vocab('main', 'postings', 'instance')");
  PostingsSum sum;
  sqlite::Statement row =
      database.Query("SELECT term, doc, \"offset\" FROM temp.posting_instances");
  while (row.Step()) sum.Add(row.Text(0), row.Int(1), row.Int(2));
  return sum;
}

PostingsSum SumOfTexts(Store::State& state) {
  PostingsSum sum;
  sqlite::Statement row = state.database->Query("SELECT id FROM chunks ORDER BY id");
  while (row.Step()) {
    const std::int64_t chunk = row.Int(0);
    std::int64_t position = 0;
    ForEachWord(*state.database, state.LexicalText(chunk), [&](std::string_view stem, ByteRange) {
      sum.Add(stem.substr(0, kLongestTermBytes), chunk, position++);
      return true;
    });
  }
  return sum;
}

// FTS5's own check is an INSERT, which a reader may not do; so readers compare the postings with
// the texts themselves.
void CheckPostings(Store::State& state, Problems& problems) {
  const std::string advice = ": run fovea verify --repair";
  try {
    if (!(SumOfIndex(*state.database) == SumOfTexts(state))) {
      problems.Add("the postings do not agree with the stored texts" + advice);
      return;
    }
    sqlite::Statement lengths = state.database->Query(
        "SELECT (SELECT count(*) FROM postings_docsize) <> (SELECT count(*) FROM chunks)");
    if (lengths.Step() && lengths.Int(0) != 0) {
      problems.Add("the postings count another number of chunks than there are" + advice);
    }
    if (state.mode == Store::Mode::kWrite) {
      state.database->Query("INSERT INTO postings(postings, rank) VALUES ('integrity-check', 1)")
          .Run();
    }
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kCorrupt) throw;
    problems.Add(std::string("the postings are damaged") + advice + " (" + error.what() + ")");
  }
}

}  // namespace

std::vector<std::string> Store::Check() const {
  Problems problems;
  try {
    const ReadScope scope(*state_->database);
    CheckSqlite(*state_->database, problems);
    CheckTexts(*state_->database, problems);
    const std::optional<IndexSettings> parameters = settings();
    CheckVectors(*state_->database, parameters ? parameters->dimensions : 0, problems);
    CheckRanges(*state_, problems);
    CheckPostings(*state_, problems);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kCorrupt) throw;
    problems.Add(error.what());
  }
  return problems.Take();
}

void Store::Repair() {
  Begin();
  try {
    state_->database->Query("INSERT INTO postings(postings) VALUES ('rebuild')").Run();
  } catch (...) {
    Rollback();
    throw;
  }
  Commit();
}

}  // namespace fovea
