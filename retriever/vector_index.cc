#include "retriever/vector_index.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "lib/base/error.h"
#include "lib/base/thread_pool.h"
#include "retriever/top_hits.h"
#include "retriever/vector_file.h"
#include "retriever/vector_file_name.h"

namespace fovea {
namespace {

// A filter that leaves fewer than this many chunks, or this share of all, is answered by an exact
// scan.
constexpr std::size_t kFewAccepted = 10'000;
constexpr std::size_t kAcceptedShare = 10;

void Log(const LogCallback& log, const std::string& message) {
  if (log) log(LogLevel::kWarning, message);
}

}  // namespace

// Which rows a search may give, and how many of them are in the file.
struct Wanted {
  std::vector<bool> rows;
  std::size_t in_file = 0;
};

struct VectorIndex::State {
  ThreadPool* pool = nullptr;
  std::string type = "flat";
  double recall = 1;
  std::size_t dimensions = 0;
  std::int64_t live = 0;

  // Rows: first those of the file, then the tail, ascending by chunk id.
  std::unique_ptr<VectorFile> file;  // null: all rows are in the tail
  std::vector<float> tail;           // [tail rows, D]
  std::vector<ChunkId> chunks;
  std::vector<DocumentId> documents;  // DocumentId{} for a row whose chunk is deleted
  // Rows whose chunk is not deleted: kept, since to gather them takes longer than to walk a graph.
  Wanted live_rows;

  std::size_t file_rows() const { return file ? file->ids().size() : 0; }
  ConstMatrixView TailView() const {
    return {tail.data(), chunks.size() - file_rows(), dimensions, dimensions};
  }

  void LoadFile(const Store& store, const VectorFileRecord& record);
  void LoadTail(const Store& store, std::int64_t after);
  void ScanTail(std::span<const float> query, const std::vector<bool>& wanted, TopHits& best) const;
  Wanted Select(const std::function<bool(ChunkId, DocumentId)>& accept) const;
  void SearchFile(std::span<const float> query, std::size_t k, const Wanted& wanted,
                  TopHits& best) const;
  bool SearchApproximately(const CodedQuery& query, std::size_t k, const std::vector<bool>& wanted,
                           std::size_t wanted_in_file, TopHits& best) const;
};

// Rows of the file with their documents; chunks that the store no longer has keep DocumentId{}.
void VectorIndex::State::LoadFile(const Store& store, const VectorFileRecord& record) {
  file = VectorFile::Open(store.folder() / record.file_name, record, pool);
  const auto ids = file->ids();
  chunks.reserve(ids.size());
  for (const std::int64_t id : ids) chunks.push_back(ChunkId{id});
  documents.assign(ids.size(), DocumentId{});
  std::size_t row = 0;
  store.ForEachChunkId([&](ChunkId chunk, DocumentId document) {
    while (row < chunks.size() && chunks[row] < chunk) ++row;
    if (row == chunks.size()) return false;
    if (chunks[row] != chunk) {
      throw Error(ErrorCode::kCorrupt,
                  record.file_name + ": lacks chunk " + std::to_string(Value(chunk)));
    }
    documents[row] = document;
    ++live;
    return true;
  });
}

void VectorIndex::State::LoadTail(const Store& store, std::int64_t after) {
  if (after == 0) tail.reserve(static_cast<std::size_t>(store.counts().chunks) * dimensions);
  store.ForEachVector(ChunkId{after},
                      [&](ChunkId chunk, DocumentId document, std::span<const float> vector) {
                        chunks.push_back(chunk);
                        documents.push_back(document);
                        tail.insert(tail.end(), vector.begin(), vector.end());
                        ++live;
                        return true;
                      });
}

VectorIndex::VectorIndex(std::unique_ptr<State> state) : state_(std::move(state)) {}
VectorIndex::~VectorIndex() = default;

std::unique_ptr<VectorIndex> VectorIndex::Open(const Store& store, const VectorIndexOptions&,
                                               ThreadPool* pool, const LogCallback& log) {
  const auto make = [&] {
    auto state = std::make_unique<State>();
    state->pool = pool;
    const std::optional<IndexSettings> settings = store.settings();
    state->dimensions = settings ? static_cast<std::size_t>(settings->dimensions) : 0;
    return state;
  };
  std::unique_ptr<State> state = make();
  const VectorFileRecord record = store.vector_file();
  std::int64_t after = 0;
  if (!record.file_name.empty()) {
    try {
      CheckRecord(store, record);
      state->LoadFile(store, record);
      state->type = record.type;
      state->recall = record.recall;
      after = record.last_chunk;
    } catch (const Error& error) {
      // The store has every vector: the answer is the same, only the start is slower.
      Log(log, std::string(error.what()) +
                   "; rebuilt in memory from fovea.sqlite. Run fovea index or fovea verify "
                   "--repair to write it again");
      state = make();
    }
  }
  state->LoadTail(store, after);
  state->live_rows = state->Select({});
  return std::unique_ptr<VectorIndex>(new VectorIndex(std::move(state)));
}

// The rows whose chunk is not deleted and, unless `accept` is empty, accepted.
Wanted VectorIndex::State::Select(const std::function<bool(ChunkId, DocumentId)>& accept) const {
  Wanted wanted{std::vector<bool>(chunks.size()), 0};
  for (std::size_t row = 0; row < chunks.size(); ++row) {
    if (documents[row] == DocumentId{} || (accept && !accept(chunks[row], documents[row])))
      continue;
    wanted.rows[row] = true;
    if (row < file_rows()) ++wanted.in_file;
  }
  return wanted;
}

// Offers every wanted row of the tail.
void VectorIndex::State::ScanTail(std::span<const float> query, const std::vector<bool>& wanted,
                                  TopHits& best) const {
  const ConstMatrixView vectors = TailView();
  const std::size_t first = file_rows();
  std::vector<float> scores(vectors.rows);
  DotRowsParallel(query, vectors, scores, pool);
  for (std::size_t row = 0; row < vectors.rows; ++row) {
    if (wanted[first + row]) best.Offer(scores[row], first + row);
  }
}

// Offers the k best wanted rows of the file: by its graph or lists if many are wanted, else
// exactly.
void VectorIndex::State::SearchFile(std::span<const float> query, std::size_t k,
                                    const Wanted& wanted, TopHits& best) const {
  if (!file->coded()) {
    ScanRows(query, file->vectors().exact, wanted.rows, file_rows(), pool, best);
    return;
  }
  const CodedQuery coded(query);
  const bool few = wanted.in_file < std::max(kFewAccepted, file_rows() / kAcceptedShare);
  if (file->approximate() && !few &&
      SearchApproximately(coded, k, wanted.rows, wanted.in_file, best)) {
    return;
  }
  ScanExactly(coded, file->vectors(), k, wanted.rows, 0, pool, best);
}

// Graph and lists know nothing of deleted or filtered rows: asks for more until enough wanted ones
// are found. False if it would have to give a good part of all.
bool VectorIndex::State::SearchApproximately(const CodedQuery& query, std::size_t k,
                                             const std::vector<bool>& wanted,
                                             std::size_t wanted_in_file, TopHits& best) const {
  const std::size_t rows = file_rows();
  const std::size_t need = std::min(k, wanted_in_file);
  std::size_t fetch = need * rows / std::max<std::size_t>(wanted_in_file, 1) + need / 4 + 16;
  for (; fetch < rows / 4; fetch *= 2) {
    std::vector<CodedHit> hits = file->SearchApproximately(query, fetch);
    std::erase_if(hits, [&](const CodedHit& hit) { return !wanted[hit.row]; });
    if (hits.size() < need) continue;
    OfferExact(query, file->vectors(), hits, k, 0, best);
    return true;
  }
  return false;
}

std::vector<DenseHit> VectorIndex::Search(
    std::span<const float> query, int k,
    const std::function<bool(ChunkId, DocumentId)>& accept) const {
  const State& state = *state_;
  if (k < 1) throw Error(ErrorCode::kInvalidArgument, "a search needs k >= 1");
  if (state.live == 0) return {};
  if (query.size() != state.dimensions) {
    throw Error(ErrorCode::kInvalidArgument, "the query has " + std::to_string(query.size()) +
                                                 " dimensions, the index " +
                                                 std::to_string(state.dimensions));
  }
  if (!std::all_of(query.begin(), query.end(), [](float x) { return std::isfinite(x); })) {
    throw Error(ErrorCode::kInvalidArgument, "the query's vector is not finite");
  }
  const Wanted selected = accept ? state.Select(accept) : Wanted{};
  const Wanted& wanted = accept ? selected : state.live_rows;
  TopHits best(static_cast<std::size_t>(k));
  if (state.file) state.SearchFile(query, static_cast<std::size_t>(k), wanted, best);
  state.ScanTail(query, wanted.rows, best);
  std::vector<DenseHit> hits;
  for (const TopHits::Entry& entry : best.Sorted()) {
    hits.push_back({.chunk = state.chunks[entry.row], .score = entry.score});
  }
  return hits;
}

std::int64_t VectorIndex::size() const { return state_->live; }
const std::string& VectorIndex::type() const { return state_->type; }
double VectorIndex::recall() const { return state_->recall; }

std::vector<std::string> VectorIndex::Check(const Store& store) {
  const VectorFileRecord record = store.vector_file();
  if (record.file_name.empty()) return {};
  std::vector<std::string> problems;
  try {
    CheckRecord(store, record);
    const auto file = VectorFile::Open(store.folder() / record.file_name, record, nullptr);
    const auto ids = file->ids();
    std::vector<float> exact(static_cast<std::size_t>(record.dimensions));
    std::size_t row = 0;
    store.ForEachVector(ChunkId{0}, [&](ChunkId chunk, DocumentId, std::span<const float> vector) {
      if (Value(chunk) > record.last_chunk) return false;
      while (row < ids.size() && ids[row] < Value(chunk)) ++row;
      const bool present = row < ids.size() && ids[row] == Value(chunk);
      if (present) file->vectors().exact.Read(row, exact);
      if (!present || std::memcmp(exact.data(), vector.data(), vector.size_bytes()) != 0) {
        problems.push_back(record.file_name + ": the vector of chunk " +
                           std::to_string(Value(chunk)) +
                           (present ? " differs from the store's" : " is missing"));
      }
      return problems.size() < 20;
    });
  } catch (const Error& error) {
    problems.push_back(error.what());
  }
  return problems;
}

}  // namespace fovea
