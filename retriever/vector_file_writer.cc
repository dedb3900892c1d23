#include <algorithm>
#include <cmath>
#include <random>

#include "lib/base/error.h"
#include "lib/base/thread_pool.h"
#include "lib/kernels/kernels.h"
#include "retriever/block_checksum.h"
#include "retriever/vector_file.h"

namespace fovea {
namespace {

constexpr std::size_t kExactBuffer = std::size_t{1} << 18;  // floats
constexpr std::size_t kLeastEffort = 64;
constexpr std::size_t kGreatestEffort = 1024;
constexpr std::size_t kLeastProbes = 8;
constexpr std::size_t kRecallQueries = 200;
constexpr std::size_t kRecallDepth = 10;

// Queries like the ones to come: near stored vectors, but not equal to any. The same for every
// build.
Matrix SampleQueries(const ExactRows& vectors, std::size_t rows) {
  const std::size_t count = std::min(kRecallQueries, rows);
  Matrix queries(count, vectors.dimensions);
  std::mt19937 random(20'240'229);
  std::normal_distribution<float> jitter(0.0F,
                                         0.5F / std::sqrt(static_cast<float>(vectors.dimensions)));
  for (std::size_t q = 0; q < count; ++q) {
    vectors.Read(q * rows / count, queries.row(q));
    for (float& x : queries.row(q)) x += jitter(random);
    NormalizeInPlace(queries.row(q));
  }
  return queries;
}

std::vector<std::size_t> Rows(const TopHits& best) {
  std::vector<std::size_t> rows;
  for (const TopHits::Entry& entry : best.Sorted()) rows.push_back(entry.row);
  std::sort(rows.begin(), rows.end());
  return rows;
}

// The true nearest of each query, rows ascending.
std::vector<std::vector<std::size_t>> ExactNeighbours(const CodedVectors& vectors,
                                                      const Matrix& queries, ThreadPool* pool) {
  const std::vector<bool> all(vectors.codes.count, true);
  std::vector<std::vector<std::size_t>> truth;
  for (std::size_t q = 0; q < queries.rows(); ++q) {
    TopHits best(kRecallDepth);
    ScanExactly(CodedQuery(queries.row(q)), vectors, kRecallDepth, all, 0, pool, best);
    truth.push_back(Rows(best));
  }
  return truth;
}

// Share of the true nearest that `search` finds.
template <typename Search>
double Recall(const CodedVectors& vectors, const Matrix& queries,
              const std::vector<std::vector<std::size_t>>& truth, const Search& search) {
  std::size_t found = 0;
  std::size_t wanted = 0;
  for (std::size_t q = 0; q < queries.rows(); ++q) {
    const CodedQuery query(queries.row(q));
    TopHits best(kRecallDepth);
    OfferExact(query, vectors, search(query), kRecallDepth, 0, best);
    for (const std::size_t row : Rows(best)) {
      found += std::binary_search(truth[q].begin(), truth[q].end(), row) ? 1 : 0;
    }
    wanted += truth[q].size();
  }
  return static_cast<double>(found) / static_cast<double>(wanted);
}

VectorFileHeader MakeHeader(const std::filesystem::path& path, int dimensions, std::int64_t count,
                            bool coded) {
  VectorFileHeader header;
  header.type = coded ? VectorFileType::kFlat : VectorFileType::kFlatF32;
  header.dimensions = static_cast<std::uint32_t>(dimensions);
  header.count = static_cast<std::uint64_t>(count);
  if (dimensions >= 1 && count >= 0 && LayOut(header)) return header;
  throw Error(ErrorCode::kUnsupported, path.string() + ": cannot hold " + std::to_string(count) +
                                           " vectors of " + std::to_string(dimensions) +
                                           " dimensions");
}

template <typename T>
void Put(Descriptor& file, const VectorFileSection& section, const std::vector<T>& values) {
  file.WriteAt(section.offset, std::as_bytes(std::span(values)));
}

}  // namespace

VectorFileWriter::VectorFileWriter(const std::filesystem::path& path, int dimensions,
                                   std::int64_t count, bool coded)
    : file_(path, Descriptor::Mode::kCreate), header_(MakeHeader(path, dimensions, count, coded)) {
  ids_.reserve(header_.count);
  if (!coded) return;
  codes_.reserve(header_.count * CodeStride(header_.dimensions));
  scales_.reserve(header_.count);
}

void VectorFileWriter::Add(ChunkId chunk, std::span<const float> vector) {
  ids_.push_back(Value(chunk));
  if (header_.type != VectorFileType::kFlatF32) {
    const std::size_t stride = CodeStride(header_.dimensions);
    const std::size_t at = codes_.size();
    codes_.resize(at + stride);
    scales_.push_back(EncodeRow(vector, std::span(codes_).subspan(at, stride)));
  }
  double squares = 0;
  for (const float x : vector) squares += static_cast<double>(x) * x;
  // Rounded up, since it is a bound.
  header_.greatest_norm =
      std::max(header_.greatest_norm, static_cast<float>(std::sqrt(squares) * (1 + 1e-6)));
  exact_.insert(exact_.end(), vector.begin(), vector.end());
  if (exact_.size() >= kExactBuffer) FlushExact();
}

void VectorFileWriter::FlushExact() {
  file_.WriteAt(LayOut(header_)->exact.offset + exact_bytes_, std::as_bytes(std::span(exact_)));
  exact_bytes_ += exact_.size() * sizeof(float);
  exact_.clear();
}

const CodedVectors& VectorFileWriter::Vectors() {
  FlushExact();
  if (ids_.size() != header_.count) {
    throw Error(ErrorCode::kCorrupt, file_.path().string() + ": " + std::to_string(ids_.size()) +
                                         " vectors came instead of " +
                                         std::to_string(header_.count));
  }
  vectors_ = {.codes = {codes_.data(), scales_.size(), CodeStride(header_.dimensions)},
              .scales = scales_,
              .exact = {&file_, LayOut(header_)->exact.offset, header_.dimensions},
              .greatest_norm = header_.greatest_norm};
  return vectors_;
}

double VectorFileWriter::SetEffort(std::size_t least, std::size_t greatest, double recall,
                                   ThreadPool* pool) {
  const Matrix queries = SampleQueries(vectors_.exact, ids_.size());
  const auto truth = ExactNeighbours(vectors_, queries, pool);
  for (std::size_t effort = least;; effort *= 2) {
    header_.effort = static_cast<std::uint32_t>(std::min(effort, greatest));
    const double reached = Recall(vectors_, queries, truth, [&](const CodedQuery& query) {
      return graph_.base.empty()
                 ? SearchInvertedLists(lists_.view(), vectors_, query, effort, kRecallDepth)
                 : SearchHnsw(graph_.view(), vectors_, query, effort);
    });
    if (reached >= recall || effort >= greatest) return reached;
  }
}

double VectorFileWriter::BuildGraph(const HnswOptions& options, double recall, ThreadPool* pool) {
  graph_ = BuildHnsw(Vectors(), options, pool);
  return SetEffort(kLeastEffort, kGreatestEffort, recall, pool);
}

double VectorFileWriter::BuildLists(double recall, ThreadPool* pool) {
  lists_ = BuildInvertedLists(Vectors(), pool);
  return SetEffort(kLeastProbes, lists_.centre_scales.size(), recall, pool);
}

void VectorFileWriter::Finish(VectorFileRecord& record, ThreadPool* pool) {
  Vectors();
  const bool has_graph = !graph_.base.empty();
  const bool has_lists = !has_graph && !lists_.rows.empty();
  if (has_graph) header_.type = VectorFileType::kHnsw;
  if (has_lists) header_.type = VectorFileType::kIvf;
  header_.links =
      static_cast<std::uint32_t>(has_lists ? lists_.centre_scales.size() : graph_.links);
  header_.entry = graph_.entry;
  header_.upper_rows = graph_.upper_rows.size();
  header_.upper_lists = has_graph ? graph_.upper.size() / graph_.links : 0;
  if (!has_graph && !has_lists) header_.effort = 0;
  const VectorFileLayout layout = LayOut(header_).value();
  file_.WriteAt(0, std::as_bytes(std::span(&header_, 1)));
  Put(file_, layout.ids, ids_);
  Put(file_, layout.codes, codes_);
  Put(file_, layout.scales, scales_);
  Put(file_, layout.base, graph_.base);
  Put(file_, layout.upper_rows, graph_.upper_rows);
  Put(file_, layout.upper_begin, graph_.upper_begin);
  Put(file_, layout.upper, graph_.upper);
  Put(file_, layout.centres, lists_.centres);
  Put(file_, layout.centre_scales, lists_.centre_scales);
  Put(file_, layout.list_begin, lists_.begin);
  Put(file_, layout.list_rows, lists_.rows);
  record.type = Name(header_.type);
  record.bytes = static_cast<std::int64_t>(layout.bytes);
  record.checksum = FileChecksum(file_, layout.bytes, pool);
  record.count = static_cast<std::int64_t>(ids_.size());
  record.dimensions = static_cast<int>(header_.dimensions);
  record.last_chunk = ids_.empty() ? 0 : ids_.back();
}

}  // namespace fovea
