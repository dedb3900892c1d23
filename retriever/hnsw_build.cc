// Adds rows with faiss::HNSW, whose distances are products of codes.

#include <faiss/IndexHNSW.h>
#include <faiss/impl/AuxIndexStructures.h>
#include <omp.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <numeric>

#include "lib/base/thread_pool.h"
#include "retriever/hnsw_graph.h"

namespace fovea {
namespace {

// Nearer is less: FAISS keeps the least.
struct CodeDistance : faiss::DistanceComputer {
  explicit CodeDistance(const CodedVectors& all) : vectors(all) {}

  void set_query(const float*) override {}  // rows are queries here
  void SetRow(std::size_t row) { query = row; }

  float operator()(faiss::Index::idx_t i) override { return symmetric_dis(i, query); }

  float symmetric_dis(faiss::Index::idx_t i, faiss::Index::idx_t j) override {
    const auto a = static_cast<std::size_t>(i);
    const auto b = static_cast<std::size_t>(j);
    std::int32_t product;
    CodeDotRows({vectors.codes.row(b), vectors.codes.stride}, vectors.codes.Rows(a, a + 1),
                {&product, 1});
    return -static_cast<float>(product) * vectors.scales[a].scale * vectors.scales[b].scale;
  }

  CodedVectors vectors;
  faiss::Index::idx_t query = 0;
};

struct Locks {
  explicit Locks(std::size_t count) : all(count) {
    for (omp_lock_t& lock : all) omp_init_lock(&lock);
  }
  ~Locks() {
    for (omp_lock_t& lock : all) omp_destroy_lock(&lock);
  }
  Locks(const Locks&) = delete;
  Locks& operator=(const Locks&) = delete;

  std::vector<omp_lock_t> all;
};

// What a thread needs while it adds rows; lent for one block at a time.
struct Workspace {
  Workspace(const CodedVectors& vectors)
      : distance(vectors), visited(static_cast<int>(vectors.codes.count)) {}
  CodeDistance distance;
  faiss::VisitedTable visited;
};

class Workspaces {
 public:
  explicit Workspaces(const CodedVectors& vectors) : vectors_(vectors) {}

  std::unique_ptr<Workspace> Take() {
    const std::lock_guard lock(mutex_);
    if (free_.empty()) return std::make_unique<Workspace>(vectors_);
    std::unique_ptr<Workspace> workspace = std::move(free_.back());
    free_.pop_back();
    return workspace;
  }
  void Return(std::unique_ptr<Workspace> workspace) {
    const std::lock_guard lock(mutex_);
    free_.push_back(std::move(workspace));
  }

 private:
  const CodedVectors& vectors_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Workspace>> free_;
};

// Rows of higher levels come first: they are the roads of those below.
std::vector<std::uint32_t> AddingOrder(const faiss::HNSW& graph) {
  std::vector<std::uint32_t> order(graph.levels.size());
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    return graph.levels[a] > graph.levels[b];
  });
  return order;
}

void AddRows(faiss::HNSW& graph, const CodedVectors& vectors, ThreadPool* pool) {
  constexpr std::size_t kBlock = 64;
  Locks locks(vectors.codes.count);
  Workspaces workspaces(vectors);
  const std::vector<std::uint32_t> order = AddingOrder(graph);
  const auto add = [&](std::size_t begin, std::size_t end) {
    std::unique_ptr<Workspace> workspace = workspaces.Take();
    for (std::size_t i = begin; i < end; ++i) {
      const std::uint32_t row = order[i];
      workspace->distance.SetRow(row);
      graph.add_with_locks(workspace->distance, graph.levels[row] - 1, static_cast<int>(row),
                           locks.all, workspace->visited);
    }
    workspaces.Return(std::move(workspace));
  };
  ParallelFor(pool, order.size(), kBlock, add);
}

HnswArrays LayOut(const faiss::HNSW& graph, std::size_t count) {
  HnswArrays arrays;
  arrays.links = static_cast<std::size_t>(graph.nb_neighbors(1));
  arrays.entry = static_cast<std::uint32_t>(graph.entry_point);
  const std::size_t base = 2 * arrays.links;
  arrays.base.reserve(count * base);
  arrays.upper_begin.push_back(0);
  for (std::size_t row = 0; row < count; ++row) {
    const auto* links = graph.neighbors.data() + graph.offsets[row];
    arrays.base.insert(arrays.base.end(), links, links + base);
    const auto lists = static_cast<std::size_t>(graph.levels[row] - 1);
    if (lists == 0) continue;
    arrays.upper_rows.push_back(static_cast<std::uint32_t>(row));
    arrays.upper.insert(arrays.upper.end(), links + base, links + base + lists * arrays.links);
    arrays.upper_begin.push_back(static_cast<std::uint32_t>(arrays.upper.size() / arrays.links));
  }
  return arrays;
}

}  // namespace

HnswArrays BuildHnsw(const CodedVectors& vectors, const HnswOptions& options, ThreadPool* pool) {
  const std::size_t count = vectors.codes.count;
  faiss::HNSW graph(options.links);
  graph.efConstruction = options.effort;
  graph.prepare_level_tab(count);
  AddRows(graph, vectors, pool);
  return LayOut(graph, count);
}

}  // namespace fovea
