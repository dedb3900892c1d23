// Ranked passages for a query: dense, lexical, both fused, or reordered by the reader.

#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/callbacks.h"
#include "lib/nn/encoder.h"
#include "lib/reader/reader.h"
#include "lib/text/document.h"
#include "retriever/store.h"
#include "retriever/vector_index.h"

namespace fovea {

class ThreadPool;

enum class SearchMode { kRead, kHybrid, kDense, kLexical };

// "read", "hybrid", "dense", "lexical"; Error(kInvalidArgument) otherwise.
SearchMode ParseSearchMode(std::string_view name);
std::string_view Name(SearchMode mode);

struct SearchOptions {
  int k = 10;  // hits, >= 1
  SearchMode mode = SearchMode::kHybrid;
  std::string document_glob;  // "": all documents
  // The first hits of hybrid that kRead hands to the reader; the rest is kept behind.
  int read_passages = 8;
};

struct Hit {
  Passage passage;
  double score =
      0;  // cosine, BM25, or (hybrid, read) their fusion; comparable within one result only
  std::optional<int> dense_rank;  // from 1; nullopt: not among the candidates
  std::optional<int> lexical_rank;
  std::optional<float> dense_score;
  std::optional<float> lexical_score;
  std::optional<double> weight;  // the reader's, in kRead
};

class Searcher {
 public:
  // Opens the index for reading. Borrows encoder, reader (may be null: then kRead is
  // Error(kInvalidArgument)) and pool. Throws Error(kNotFound | kMismatch | kCorrupt); kMismatch
  // says which model the index wants.
  Searcher(const std::filesystem::path& index_folder, const Encoder& encoder, const Reader* reader,
           ThreadPool* pool, LogCallback log = {});
  ~Searcher();

  // Answers from one generation of the index: the one of the moment of the call, also while another
  // process writes. An empty index gives no hits; an empty query is Error(kInvalidArgument). Not to
  // be called by two threads at once.
  std::vector<Hit> Search(std::string_view query, const SearchOptions& options) const;

  // Sees what other processes have committed since, ahead of the next Search.
  void Refresh();

  const Store& store() const;
  const VectorIndex& vectors() const;
  const IndexSettings& settings() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace fovea
