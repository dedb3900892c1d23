// The limits of this machine, measured: multiply-adds a second and bytes read a second, on one core
// and on THREADS; and how close the kernels come. Prints a Markdown table for FOVEA_ISA.
//
// usage: roofline_bench [THREADS]

#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "bench/bandwidth.h"
#include "bench/limits.h"
#include "bench/random_matrix.h"
#include "lib/base/thread_pool.h"
#include "lib/kernels/isa.h"
#include "lib/kernels/kernels.h"

namespace fovea::bench {
namespace {

PeakLoop Int8Loop() {
  switch (CurrentIsa()) {
    case Isa::kScalar:
      return nullptr;
    case Isa::kAvx2:
      return PeakInt8Avx2;
    case Isa::kAvx512:
      return PeakInt8Avx512;
    case Isa::kAvx512Vnni:
      return PeakInt8Avx512Vnni;
  }
  return nullptr;
}

// Multiply-adds a second of the four products of a MiniLM layer over 2,048 tokens.
double EncoderProducts(ThreadPool& pool) {
  constexpr std::size_t kTokens = 2048;
  constexpr std::size_t kShapes[][2] = {{384, 1152}, {384, 384}, {384, 1536}, {1536, 384}};
  double seconds = 0;
  double work = 0;
  for (const auto& [inputs, outputs] : kShapes) {
    const Matrix weights = RandomMatrix(outputs, inputs);
    const PackedMatrix packed(WeightType::kF32,
                              std::as_bytes(std::span(weights.data(), inputs * outputs)), outputs,
                              inputs);
    const Matrix input = RandomMatrix(kTokens, inputs);
    Matrix out(kTokens, outputs);
    seconds += 1 / Rate([&] { MatMul(input.view(), packed, {}, out.view(), &pool); });
    work += static_cast<double>(kTokens * inputs * outputs);
  }
  return work / seconds;
}

// Bytes a second of the exact scan of 200,000 × 384.
double Scan() {
  const Matrix vectors = RandomMatrix(200'000, 384);
  const Matrix query = RandomMatrix(1, 384);
  std::vector<float> scores(vectors.rows());
  return Rate([&] { DotRows(query.row(0), vectors.view(), scores); }) *
         static_cast<double>(vectors.rows() * vectors.cols() * sizeof(float));
}

void Row(const char* what, int threads, double reached, double limit, const char* unit) {
  if (limit > 0) {
    std::printf("| %s | %d | %.1f | %.1f %s | %.0f %% |\n", what, threads, reached / 1e9,
                limit / 1e9, unit, 100 * reached / limit);
  } else {
    std::printf("| %s | %d | %.1f %s | | |\n", what, threads, reached / 1e9, unit);
  }
}

void Run(int threads) {
  std::printf("FOVEA_ISA=%s\n\n", std::string(Name(CurrentIsa())).c_str());
  std::printf("| what | threads | reached | limit | share |\n|---|---|---|---|---|\n");
  std::vector<int> counts = {1};
  if (threads > 1) counts.push_back(threads);
  for (const int count : counts) {
    ThreadPool pool(count);
    const double bandwidth = Bandwidth(pool);
    Row("memory read", count, bandwidth, 0, "GB/s");
    if (F32Loop() == nullptr) continue;
    const double f32 = Peak(F32Loop(), pool);
    Row("f32 multiply-adds in registers", count, f32, 0, "G/s");
    Row("int8 multiply-adds in registers", count, Peak(Int8Loop(), pool), 0, "G/s");
    Row("f32 products of the encoder", count, EncoderProducts(pool), f32, "G/s");
    if (count == 1) Row("exact scan, f32 vectors", count, Scan(), bandwidth, "GB/s");
  }
}

}  // namespace
}  // namespace fovea::bench

int main(int argc, char** argv) {
  try {
    fovea::bench::Run(argc > 1 ? std::stoi(argv[1]) : 2);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
