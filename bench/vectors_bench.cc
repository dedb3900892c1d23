// Vector index: figures that bench/peers/vectors_faiss.py takes of faiss-cpu, and those of a large
// index. Prints one line of JSON.
//
// usage: vectors_bench peer FOLDER THREADS              FOLDER/vectors.npy, FOLDER/queries.npy
//        vectors_bench grow REAL.npy FOLDER COUNT THREADS
//          makes FOLDER/grown.index once: COUNT vectors, those of REAL.npy with seeded noise
//        vectors_bench large REAL.npy FOLDER            opens and searches that, with one thread

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <exception>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "lib/base/error.h"
#include "lib/base/file.h"
#include "lib/base/thread_pool.h"
#include "lib/kernels/isa.h"
#include "lib/kernels/kernels.h"
#include "retriever/vector_file.h"

namespace fovea {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::size_t kGraphVectors = 50'000;
constexpr std::size_t kSearchEffort = 64;
constexpr std::size_t kDepth = 10;
constexpr float kJitter = 0.6f;  // length of the noise added to a real vector
constexpr std::size_t kLargeQueries = 300;

double SecondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Peak of this process so far, in bytes.
double PeakBytes() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) * 1024;
}

// Format 1.0, two-dimensional f32 in C order, as NumPy's save and `fovea embed --out` write it.
Matrix ReadNpy(const fs::path& path) {
  const std::string bytes = ReadFile(path);
  const std::size_t shape = bytes.find("'shape': (");
  if (bytes.size() < 128 || shape == std::string::npos || bytes.find("'<f4'") > 128) {
    throw Error(ErrorCode::kCorrupt, path.string() + ": no .npy of two-dimensional float32");
  }
  std::size_t used = 0;
  const std::string text = bytes.substr(shape + 10, 40);
  const std::size_t rows = std::stoul(text, &used);
  const std::size_t columns = std::stoul(text.substr(text.find(',') + 1));
  const std::size_t data = rows * columns * sizeof(float);
  if (data + 128 > bytes.size()) throw Error(ErrorCode::kCorrupt, path.string() + ": too short");
  Matrix matrix(rows, columns);
  for (std::size_t r = 0; r < rows; ++r) {
    std::memcpy(matrix.row(r).data(), bytes.data() + bytes.size() - data + r * columns * 4,
                columns * 4);
  }
  return matrix;
}

struct Searched {
  double milliseconds = 0;  // a query
  std::vector<std::vector<std::size_t>> found;
};

template <typename Search>
Searched SearchAll(const Matrix& queries, const Search& search) {
  Searched searched;
  const auto start = std::chrono::steady_clock::now();
  for (std::size_t q = 0; q < queries.rows(); ++q) {
    const CodedQuery query(queries.row(q));
    TopHits best(kDepth);
    search(query, best);
    searched.found.emplace_back();
    for (const TopHits::Entry& entry : best.Sorted()) searched.found.back().push_back(entry.row);
  }
  searched.milliseconds = 1e3 * SecondsSince(start) / static_cast<double>(queries.rows());
  return searched;
}

Searched SearchExactly(const Matrix& queries, const CodedVectors& vectors, ThreadPool* pool) {
  const std::vector<bool> all(vectors.codes.count, true);
  return SearchAll(queries, [&](const CodedQuery& query, TopHits& best) {
    ScanExactly(query, vectors, kDepth, all, 0, pool, best);
  });
}

double Recall(const Searched& searched, const Searched& truth) {
  std::size_t found = 0;
  for (std::size_t q = 0; q < truth.found.size(); ++q) {
    for (const std::size_t row : searched.found[q]) {
      found += std::count(truth.found[q].begin(), truth.found[q].end(), row) > 0 ? 1 : 0;
    }
  }
  return static_cast<double>(found) / static_cast<double>(truth.found.size() * kDepth);
}

VectorFileWriter Write(const fs::path& path, const Matrix& vectors, std::size_t count) {
  VectorFileWriter writer(path, static_cast<int>(vectors.cols()), static_cast<std::int64_t>(count));
  for (std::size_t r = 0; r < count; ++r) {
    writer.Add(ChunkId{static_cast<std::int64_t>(r + 1)}, vectors.row(r));
  }
  return writer;
}

Json Peer(const fs::path& folder, int threads) {
  ThreadPool pool(threads);
  const Matrix vectors = ReadNpy(folder / "vectors.npy");
  const Matrix queries = ReadNpy(folder / "queries.npy");
  const fs::path path = folder / "bench.index";
  Json figures{{"isa", Name(CurrentIsa())}, {"threads", threads}};
  {
    VectorFileWriter writer = Write(path, vectors, vectors.rows());
    SearchExactly(queries, writer.Vectors(), &pool);
    figures["flat_ms"] = SearchExactly(queries, writer.Vectors(), &pool).milliseconds;
  }
  VectorFileWriter writer = Write(path, vectors, std::min(kGraphVectors, vectors.rows()));
  const CodedVectors& coded = writer.Vectors();
  const auto start = std::chrono::steady_clock::now();
  const HnswArrays graph = BuildHnsw(coded, {.links = 32, .effort = 100}, &pool);
  figures["hnsw_build_s"] = SecondsSince(start);
  const auto search = [&](const CodedQuery& query, TopHits& best) {
    OfferExact(query, coded, SearchHnsw(graph.view(), coded, query, kSearchEffort), kDepth, 0,
               best);
  };
  SearchAll(queries, search);
  const Searched searched = SearchAll(queries, search);
  figures["hnsw_ms"] = searched.milliseconds;
  figures["hnsw_recall"] = Recall(searched, SearchExactly(queries, coded, &pool));
  fs::remove(path);
  return figures;
}

// A real vector with noise of a given length, of unit length again.
void Jitter(std::span<const float> real, std::mt19937_64& random, std::span<float> out) {
  std::normal_distribution<float> noise(0, kJitter / std::sqrt(static_cast<float>(real.size())));
  for (std::size_t i = 0; i < real.size(); ++i) out[i] = real[i] + noise(random);
  NormalizeInPlace(out);
}

void SaveRecord(const fs::path& path, const VectorFileRecord& record) {
  WriteFileAtomically(path, Json{{"type", record.type},
                                 {"bytes", record.bytes},
                                 {"checksum", record.checksum},
                                 {"count", record.count},
                                 {"dimensions", record.dimensions},
                                 {"last_chunk", record.last_chunk},
                                 {"recall", record.recall}}
                                .dump());
}

VectorFileRecord LoadRecord(const fs::path& path) {
  const Json json = Json::parse(ReadFile(path));
  VectorFileRecord record;
  record.type = json["type"];
  record.bytes = json["bytes"];
  record.checksum = json["checksum"];
  record.count = json["count"];
  record.dimensions = json["dimensions"];
  record.last_chunk = json["last_chunk"];
  record.recall = json["recall"];
  return record;
}

Json Grow(const fs::path& real_path, const fs::path& folder, std::size_t count, int threads) {
  ThreadPool pool(threads);
  const Matrix real = ReadNpy(real_path);
  Json figures{{"isa", Name(CurrentIsa())}, {"threads", threads}, {"vectors", count}};
  auto start = std::chrono::steady_clock::now();
  VectorFileWriter writer(folder / "grown.index", static_cast<int>(real.cols()),
                          static_cast<std::int64_t>(count));
  std::mt19937_64 random(1);
  std::vector<float> vector(real.cols());
  for (std::size_t r = 0; r < count; ++r) {
    Jitter(real.row(r % real.rows()), random, vector);
    writer.Add(ChunkId{static_cast<std::int64_t>(r + 1)}, vector);
  }
  writer.Vectors();
  figures["write_s"] = SecondsSince(start);
  start = std::chrono::steady_clock::now();
  VectorFileRecord record;
  record.recall = writer.BuildGraph({}, 0.99, &pool);
  figures["build_s"] = SecondsSince(start);
  start = std::chrono::steady_clock::now();
  writer.Finish(record, &pool);
  figures["finish_s"] = SecondsSince(start);
  figures["recall_when_built"] = record.recall;
  figures["peak_bytes"] = PeakBytes();
  SaveRecord(folder / "grown.json", record);
  return figures;
}

Json Large(const fs::path& real_path, const fs::path& folder) {
  const VectorFileRecord record = LoadRecord(folder / "grown.json");
  Json figures{{"isa", Name(CurrentIsa())}, {"vectors", record.count}};
  auto start = std::chrono::steady_clock::now();
  const auto file = VectorFile::Open(folder / "grown.index", record, nullptr);
  figures["open_s"] = SecondsSince(start);
  const Matrix real = ReadNpy(real_path);
  Matrix queries(kLargeQueries, real.cols());
  std::mt19937_64 random(2);
  for (std::size_t q = 0; q < queries.rows(); ++q) {
    Jitter(real.row(random() % real.rows()), random, queries.row(q));
  }
  const double before = PeakBytes();
  const auto search = [&](const CodedQuery& query, TopHits& best) {
    OfferExact(query, file->vectors(), file->SearchApproximately(query, kDepth), kDepth, 0, best);
  };
  SearchAll(queries, search);
  const Searched searched = SearchAll(queries, search);
  figures["search_ms"] = searched.milliseconds;
  figures["peak_bytes_a_vector"] = PeakBytes() / static_cast<double>(record.count);
  figures["of_them_before_searching"] = before / static_cast<double>(record.count);
  const Searched truth = SearchExactly(queries, file->vectors(), nullptr);
  figures["exact_ms"] = truth.milliseconds;
  figures["recall"] = Recall(searched, truth);
  return figures;
}

int Main(std::span<char*> arguments) {
  const std::string mode = arguments.size() > 1 ? arguments[1] : "";
  Json figures;
  if (mode == "peer" && arguments.size() == 4) {
    figures = Peer(arguments[2], std::stoi(arguments[3]));
  } else if (mode == "grow" && arguments.size() == 6) {
    figures = Grow(arguments[2], arguments[3], std::stoul(arguments[4]), std::stoi(arguments[5]));
  } else if (mode == "large" && arguments.size() == 4) {
    figures = Large(arguments[2], arguments[3]);
  } else {
    std::fputs(
        "usage: vectors_bench peer FOLDER THREADS | grow REAL.npy FOLDER COUNT THREADS | "
        "large REAL.npy FOLDER\n",
        stderr);
    return 2;
  }
  std::puts(figures.dump().c_str());
  return 0;
}

}  // namespace
}  // namespace fovea

int main(int count, char** arguments) {
  try {
    return fovea::Main({arguments, static_cast<std::size_t>(count)});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "vectors_bench: %s\n", error.what());
    return 1;
  }
}
