#include "retriever/faiss_vectors.h"

#include <faiss/IndexFlat.h>
#include <faiss/IndexHNSW.h>
#include <omp.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "lib/base/error.h"
#include "lib/base/thread_pool.h"
#include "lib/kernels/kernels.h"
#include "retriever/faiss_file.h"
#include "retriever/top_hits.h"

namespace fovea {
namespace {

constexpr int kLinks = 32;             // M
constexpr int kBuildEffort = 128;      // efConstruction
constexpr int kLeastEffort = 64;       // efSearch
constexpr int kGreatestEffort = 1024;  // efSearch
constexpr double kRecallWanted = 0.99;
constexpr std::size_t kRecallQueries = 200;
constexpr std::size_t kRecallDepth = 10;

// FAISS asks for distances one by one while it walks the graph: here it gets our kernel (Debian's
// FAISS is built for SSE2).
struct KernelDistance : faiss::DistanceComputer {
  explicit KernelDistance(ConstMatrixView all) : vectors(all) {}
  void set_query(const float* x) override { query = {x, vectors.cols}; }
  float operator()(faiss::Index::idx_t i) override {
    return Dot(query, vectors.row_span(static_cast<std::size_t>(i)));
  }
  float symmetric_dis(faiss::Index::idx_t i, faiss::Index::idx_t j) override {
    return Dot(vectors.row_span(static_cast<std::size_t>(i)),
               vectors.row_span(static_cast<std::size_t>(j)));
  }

  ConstMatrixView vectors;
  std::span<const float> query;
};

struct KernelFlat : faiss::IndexFlatIP {
  explicit KernelFlat(faiss::Index::idx_t dimensions) : IndexFlatIP(dimensions) {}

  ConstMatrixView View() const {
    const auto columns = static_cast<std::size_t>(d);
    return {get_xb(), codes.size() / (columns * sizeof(float)), columns, columns};
  }
  faiss::DistanceComputer* get_distance_computer() const override {
    return new KernelDistance(View());
  }
  // The graph is built over vectors that are in `codes` already: nothing is copied.
  void add(idx_t count, const float*) override { ntotal += count; }
};

}  // namespace

struct FaissVectors::State {
  explicit State(int dimensions) : flat(std::make_unique<KernelFlat>(dimensions)) {}

  std::unique_ptr<KernelFlat> flat;
  std::unique_ptr<faiss::IndexHNSWFlat> graph;  // its storage is `flat`, borrowed
  std::vector<std::int64_t> ids;
};

FaissVectors::FaissVectors(std::unique_ptr<State> state) : state_(std::move(state)) {}
FaissVectors::~FaissVectors() = default;

FaissVectors::FaissVectors(int dimensions, std::int64_t capacity)
    : state_(std::make_unique<State>(dimensions)) {
  const auto count = static_cast<std::size_t>(capacity);
  state_->flat->codes.reserve(count * static_cast<std::size_t>(dimensions) * sizeof(float));
  state_->ids.reserve(count);
}

void FaissVectors::Add(ChunkId chunk, std::span<const float> vector) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(vector.data());
  auto& codes = state_->flat->codes;
  codes.insert(codes.end(), bytes, bytes + vector.size_bytes());
  state_->ids.push_back(Value(chunk));
}

bool FaissVectors::has_graph() const { return state_->graph != nullptr; }
std::span<const std::int64_t> FaissVectors::ids() const { return state_->ids; }
ConstMatrixView FaissVectors::vectors() const { return state_->flat->View(); }

void FaissVectors::DropGraph() { state_->graph.reset(); }

namespace {

std::unique_ptr<faiss::IndexHNSWFlat> EmptyGraph(KernelFlat& flat) {
  auto graph = std::make_unique<faiss::IndexHNSWFlat>(static_cast<int>(flat.d), kLinks,
                                                      faiss::METRIC_INNER_PRODUCT);
  delete graph->storage;
  graph->storage = &flat;
  graph->own_fields = false;
  graph->hnsw.efConstruction = kBuildEffort;
  graph->hnsw.efSearch = kLeastEffort;
  return graph;
}

// Queries like the ones to come: near stored vectors, but not equal to any. The same for every
// build.
Matrix SampleQueries(ConstMatrixView vectors) {
  const std::size_t count = std::min(kRecallQueries, vectors.rows);
  Matrix queries(count, vectors.cols);
  std::mt19937 random(20'240'229);
  std::normal_distribution<float> jitter(0.0F, 0.5F / std::sqrt(static_cast<float>(vectors.cols)));
  for (std::size_t q = 0; q < count; ++q) {
    const float* source = vectors.row(q * vectors.rows / count);
    for (std::size_t i = 0; i < vectors.cols; ++i) queries.row(q)[i] = source[i] + jitter(random);
    NormalizeInPlace(queries.row(q));
  }
  return queries;
}

std::vector<std::size_t> ExactRows(ConstMatrixView vectors, std::span<const float> query,
                                   ThreadPool* pool) {
  std::vector<float> scores(vectors.rows);
  DotRowsParallel(query, vectors, scores, pool);
  TopHits best(kRecallDepth);
  for (std::size_t row = 0; row < scores.size(); ++row) best.Offer(scores[row], row);
  std::vector<std::size_t> rows;
  for (const TopHits::Entry& entry : best.Sorted()) rows.push_back(entry.row);
  return rows;
}

}  // namespace

double FaissVectors::BuildGraph(ThreadPool* pool) {
  KernelFlat& flat = *state_->flat;
  omp_set_num_threads(pool != nullptr ? pool->size() : 1);
  flat.ntotal = 0;
  state_->graph = EmptyGraph(flat);
  state_->graph->add(static_cast<faiss::Index::idx_t>(state_->ids.size()), flat.get_xb());

  const Matrix queries = SampleQueries(vectors());
  std::vector<std::vector<std::size_t>> truth;
  std::size_t wanted = 0;
  for (std::size_t q = 0; q < queries.rows(); ++q) {
    truth.push_back(ExactRows(vectors(), queries.row(q), pool));
    std::sort(truth.back().begin(), truth.back().end());
    wanted += truth.back().size();
  }
  if (wanted == 0) return 1;
  for (int effort = kLeastEffort;; effort *= 2) {
    state_->graph->hnsw.efSearch = effort;
    std::size_t found = 0;
    for (std::size_t q = 0; q < queries.rows(); ++q) {
      for (const std::size_t row : SearchGraph(queries.row(q), kRecallDepth)) {
        found += std::binary_search(truth[q].begin(), truth[q].end(), row) ? 1 : 0;
      }
    }
    const double recall = static_cast<double>(found) / static_cast<double>(wanted);
    if (recall >= kRecallWanted || effort >= kGreatestEffort) return recall;
  }
}

std::vector<std::size_t> FaissVectors::SearchGraph(std::span<const float> query,
                                                   std::size_t count) const {
  const faiss::IndexHNSWFlat& graph = *state_->graph;
  std::vector<float> scores(count);
  std::vector<faiss::Index::idx_t> labels(count);
  graph.search(1, query.data(), static_cast<faiss::Index::idx_t>(count), scores.data(),
               labels.data());
  std::vector<std::size_t> rows;
  rows.reserve(count);
  for (const faiss::Index::idx_t label : labels) {
    if (label >= 0) rows.push_back(static_cast<std::size_t>(label));
  }
  return rows;
}

void FaissVectors::Save(const std::filesystem::path& path, VectorFileRecord& record) const {
  state_->flat->ntotal = static_cast<faiss::Index::idx_t>(state_->ids.size());
  const faiss::Index& index =
      has_graph() ? static_cast<const faiss::Index&>(*state_->graph) : *state_->flat;
  record.type = has_graph() ? "hnsw" : "flat";
  record.count = static_cast<std::int64_t>(state_->ids.size());
  record.dimensions = static_cast<int>(state_->flat->d);
  record.last_chunk = state_->ids.empty() ? 0 : state_->ids.back();
  SaveFaissFile(path, index, state_->ids, record);
}

std::unique_ptr<FaissVectors> FaissVectors::Load(const std::filesystem::path& path,
                                                 const VectorFileRecord& record) {
  VerifyVectorFile(path, record);
  ParsedFaissFile parsed = ParseFaissFile(path, record);
  auto state = std::make_unique<State>(record.dimensions);
  state->ids = std::move(parsed.ids);
  state->flat->codes.swap(parsed.flat->codes);
  state->flat->ntotal = record.count;
  if (parsed.graph) {
    state->graph = std::move(parsed.graph);
    if (state->graph->own_fields) delete state->graph->storage;
    state->graph->storage = state->flat.get();
    state->graph->own_fields = false;
  }
  return std::unique_ptr<FaissVectors>(new FaissVectors(std::move(state)));
}

}  // namespace fovea
