// Lexical search: FTS5 with porter stemming, ranked by its BM25 (k1 1.2, b 0.75).

#include <sqlite3.h>

#include "lib/base/error.h"
#include "retriever/fts5_tokenizer.h"
#include "retriever/stop_words.h"
#include "retriever/store_state.h"

namespace fovea {
namespace {

// A pasted document as a query: its first terms decide; each costs a pass over its postings.
constexpr std::size_t kMostTerms = 64;
// Bytes of a query that are looked at.
constexpr std::size_t kMostQueryBytes = 1 << 16;

void LexicalTextFunction(sqlite3_context* context, int, sqlite3_value** values) {
  auto* state = static_cast<Store::State*>(sqlite3_user_data(context));
  try {
    const std::string text = state->LexicalText(sqlite3_value_int64(values[0]));
    sqlite3_result_text64(context, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  } catch (const Error& error) {
    sqlite3_result_error(context, error.what(), -1);
  } catch (...) {
    sqlite3_result_error_nomem(context);
  }
}

struct Terms {
  // In query order; a word that comes twice counts twice, as BM25 has it.
  std::vector<std::string> content;
  std::vector<std::string> stops;
};

// The query's words as FTS5's own tokenizer sees them, so that nothing in a query can be taken for
// FTS5 syntax.
Terms Tokenize(sqlite::Database& database, std::string_view query) {
  query = query.substr(0, kMostQueryBytes);
  Terms terms;
  ForEachWord(database, query, [&](std::string_view, ByteRange range) {
    const std::string_view word = Slice(query, range);
    auto& list = IsStopWord(word) ? terms.stops : terms.content;
    if (list.size() < kMostTerms) list.emplace_back(word);
    return terms.content.size() < kMostTerms;
  });
  return terms;
}

std::string MatchExpression(const Terms& terms) {
  const auto& words = terms.content.empty() ? terms.stops : terms.content;
  std::string expression;
  for (const std::string& word : words) {
    if (!expression.empty()) expression += " OR ";
    expression += '"' + word + '"';
  }
  return expression;
}

}  // namespace

void RegisterLexicalText(Store::State& state) {
  const int code = sqlite3_create_function_v2(state.database->handle(), "fovea_lexical_text", 1,
                                              SQLITE_UTF8 | SQLITE_INNOCUOUS, &state,
                                              LexicalTextFunction, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) state.database->Fail(code, "take a function");
}

std::vector<LexicalHit> Store::LexicalSearch(std::string_view query, int k,
                                             const std::string& document_glob) const {
  if (k < 1) throw Error(ErrorCode::kInvalidArgument, "a search needs k >= 1");
  RequireGlob(document_glob);
  const ReadScope scope(*state_->database);
  const std::string expression = MatchExpression(Tokenize(*state_->database, query));
  std::vector<LexicalHit> hits;
  if (expression.empty()) return hits;
  // bm25() is smaller for better rows. "+rowid" keeps FTS5 from one look-up a row of the filter.
  sqlite::Statement row =
      document_glob.empty()
          ? state_->database->Query(
                "SELECT rowid, bm25(postings) AS score FROM postings "
                "WHERE postings MATCH ?1 ORDER BY score, rowid LIMIT ?2",
                expression, k)
          : state_->database->Query(
                "SELECT rowid, bm25(postings) AS score FROM postings WHERE postings MATCH ?1 AND "
                "+rowid IN (SELECT c.id FROM documents d CROSS JOIN chunks c ON c.document = d.id "
                "WHERE d.name GLOB ?3) ORDER BY score, rowid LIMIT ?2",
                expression, k, document_glob);
  while (row.Step()) {
    hits.push_back({.chunk = ChunkId{row.Int(0)}, .score = static_cast<float>(-row.Real(1))});
  }
  return hits;
}

}  // namespace fovea
