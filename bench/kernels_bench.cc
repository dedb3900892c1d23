// Speed of the kernels on the shapes of the two models that fovea ships with.
//
//   kernels_bench --benchmark_filter=MatMulF32
//
// FOVEA_ISA=scalar|avx2|avx512 picks the instruction set. Rates: FLOP/s counts a multiply-add as
// two; weight bytes/s counts packed weights read.

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

#include "bench/random_matrix.h"
#include "lib/attention/attention.h"
#include "lib/base/thread_pool.h"
#include "lib/kernels/isa.h"
#include "lib/kernels/kernels.h"

namespace fovea {
namespace {

// Arbitrary bits whose halves and floats are finite and small.
std::vector<std::byte> RandomWeights(WeightType type, std::size_t outputs, std::size_t inputs) {
  std::mt19937 random(8);
  std::vector<std::byte> bytes(outputs * RowBytes(type, inputs));
  if (type == WeightType::kF32) {
    const Matrix values = RandomMatrix(outputs, inputs);
    std::memcpy(bytes.data(), values.data(), bytes.size());
    return bytes;
  }
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random() & 0x37);
  return bytes;
}

void RunMatMul(benchmark::State& state, WeightType type) {
  const auto rows = static_cast<std::size_t>(state.range(0));
  const auto inputs = static_cast<std::size_t>(state.range(1));
  const auto outputs = static_cast<std::size_t>(state.range(2));
  ThreadPool pool(static_cast<int>(state.range(3)));
  const std::vector<std::byte> weights = RandomWeights(type, outputs, inputs);
  const PackedMatrix packed(type, weights, outputs, inputs);
  const Matrix input = RandomMatrix(rows, inputs);
  Matrix out(rows, outputs);
  for (auto _ : state) MatMul(input.view(), packed, {}, out.view(), &pool);
  const auto iterations = static_cast<double>(state.iterations());
  state.SetLabel(std::string(Name(CurrentIsa())));
  state.counters["FLOP/s"] = benchmark::Counter(
      iterations * 2 * static_cast<double>(rows * inputs * outputs), benchmark::Counter::kIsRate);
  state.counters["weightB/s"] =
      benchmark::Counter(iterations * static_cast<double>(weights.size()),
                         benchmark::Counter::kIsRate, benchmark::Counter::kIs1024);
}

void MatMulF32(benchmark::State& state) { RunMatMul(state, WeightType::kF32); }
void MatMulF16(benchmark::State& state) { RunMatMul(state, WeightType::kF16); }
void MatMulQ80(benchmark::State& state) { RunMatMul(state, WeightType::kQ8_0); }
void MatMulQ40(benchmark::State& state) { RunMatMul(state, WeightType::kQ4_0); }
void MatMulQ41(benchmark::State& state) { RunMatMul(state, WeightType::kQ4_1); }

// all-MiniLM-L6-v2: a query, a passage, a batch.
void EncoderShapes(benchmark::internal::Benchmark* bench) {
  bench->ArgNames({"rows", "inputs", "outputs", "threads"})->UseRealTime();
  for (int rows : {16, 160, 2048}) {
    bench->Args({rows, 384, 1152, 1})->Args({rows, 384, 384, 1});
    bench->Args({rows, 384, 1536, 1})->Args({rows, 1536, 384, 1});
    bench->Args({rows, 384, 1536, 2});
  }
}

// SmolLM2-135M: one token, and a prompt.
void DecoderShapes(benchmark::internal::Benchmark* bench) {
  bench->ArgNames({"rows", "inputs", "outputs", "threads"})->UseRealTime();
  for (int rows : {1, 512}) {
    for (int threads : {1, 2}) {
      bench->Args({rows, 576, 1536, threads})->Args({rows, 1536, 576, threads});
      if (rows == 1) bench->Args({rows, 576, 192, threads})->Args({rows, 576, 49152, threads});
    }
  }
}

BENCHMARK(MatMulF32)->Apply(EncoderShapes);
BENCHMARK(MatMulF16)->Apply(DecoderShapes);
BENCHMARK(MatMulQ80)->Apply(DecoderShapes);
BENCHMARK(MatMulQ40)->Apply(DecoderShapes);
BENCHMARK(MatMulQ41)->Apply(DecoderShapes);

// One layer of SmolLM2-135M at Q4_1, then its head: the weights that a token reads, larger together
// than the caches. The 30 layers differ, so that none is read from a cache that a real run lacks.
void DecodeToken(benchmark::State& state) {
  constexpr std::size_t kLayers = 30, kWidth = 576, kKeys = 192, kInner = 1536, kVocabulary = 49152;
  const auto rows = static_cast<std::size_t>(state.range(0));
  ThreadPool pool(static_cast<int>(state.range(1)));
  const auto pack = [](std::size_t outputs, std::size_t inputs) {
    return PackedMatrix(WeightType::kQ4_1, RandomWeights(WeightType::kQ4_1, outputs, inputs),
                        outputs, inputs);
  };
  std::vector<PackedMatrix> weights;
  for (std::size_t i = 0; i < kLayers; ++i) {
    weights.push_back(pack(kWidth, kWidth));
    weights.push_back(pack(kKeys, kWidth));
    weights.push_back(pack(kKeys, kWidth));
    weights.push_back(pack(kWidth, kWidth));
    weights.push_back(pack(kInner, kWidth));
    weights.push_back(pack(kInner, kWidth));
    weights.push_back(pack(kWidth, kInner));
  }
  const PackedMatrix head = pack(kVocabulary, kWidth);
  const Matrix narrow = RandomMatrix(rows, kWidth);
  const Matrix wide = RandomMatrix(rows, kInner);
  Matrix out(rows, kInner);
  Matrix logits(1, kVocabulary);
  for (auto _ : state) {
    for (const PackedMatrix& matrix : weights) {
      const Matrix& input = matrix.inputs() == kInner ? wide : narrow;
      MatMul(input.view(), matrix, {}, out.view().Cols(0, matrix.outputs()), &pool);
    }
    MatMul(narrow.view().Rows(0, 1), head, {}, logits.view(), &pool);
  }
  state.SetLabel(std::string(Name(CurrentIsa())));
  state.counters["token/s"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * static_cast<double>(rows),
                         benchmark::Counter::kIsRate);
}
BENCHMARK(DecodeToken)
    ->ArgNames({"rows", "threads"})
    ->ArgsProduct({{1, 512}, {1, 2}})
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

// What handing a job to the pool and getting it back costs, back to back as in decoding.
void ParallelForRoundTrip(benchmark::State& state) {
  ThreadPool pool(static_cast<int>(state.range(0)));
  for (auto _ : state) {
    pool.ParallelFor(2, 1, [](std::size_t begin, std::size_t) { benchmark::DoNotOptimize(begin); });
  }
}
BENCHMARK(ParallelForRoundTrip)->ArgName("threads")->Arg(1)->Arg(2)->UseRealTime();

// Packing the weights of a model: six encoder layers in f32, the decoder's in Q4_1.
void PackWeights(benchmark::State& state, WeightType type, std::size_t outputs,
                 std::size_t inputs) {
  const std::vector<std::byte> weights = RandomWeights(type, outputs, inputs);
  for (auto _ : state) {
    const PackedMatrix packed(type, weights, outputs, inputs);
    benchmark::DoNotOptimize(packed.outputs());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(weights.size()));
}
BENCHMARK_CAPTURE(PackWeights, EncoderF32, WeightType::kF32, 27648, 384)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(PackWeights, DecoderQ41, WeightType::kQ4_1, 233472, 576)
    ->Unit(benchmark::kMillisecond);

// A passage's self-attention in the encoder, and a token over a long cache in the decoder.
void SelfAttention(benchmark::State& state) {
  const auto queries = static_cast<std::size_t>(state.range(0));
  const auto keys = static_cast<std::size_t>(state.range(1));
  const bool grouped = queries != keys;
  const AttentionShape shape = {
      .heads = grouped ? 9 : 12, .kv_heads = grouped ? 3 : 12, .head_width = grouped ? 64 : 32};
  const Matrix query =
      RandomMatrix(queries, static_cast<std::size_t>(shape.heads * shape.head_width));
  const Matrix key =
      RandomMatrix(keys, static_cast<std::size_t>(shape.kv_heads * shape.head_width));
  Matrix out(queries, query.cols());
  for (auto _ : state) {
    ScaledDotProductAttention(shape, query.view(), key.view(), key.view(), {}, out.view(), {},
                              nullptr);
  }
  state.SetLabel(std::string(Name(CurrentIsa())));
  state.counters["FLOP/s"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * 4 *
                             static_cast<double>(queries * keys * query.cols()),
                         benchmark::Counter::kIsRate);
}
BENCHMARK(SelfAttention)
    ->ArgNames({"queries", "keys"})
    ->Args({16, 16})
    ->Args({160, 160})
    ->Args({256, 256})
    ->Args({1, 500})
    ->Args({1, 2000});

void DotRows(benchmark::State& state) {
  const Matrix query = RandomMatrix(1, 384);
  const Matrix vectors = RandomMatrix(20000, 384);
  std::vector<float> out(vectors.rows());
  for (auto _ : state) DotRows(query.row(0), vectors.view(), out);
  state.SetLabel(std::string(Name(CurrentIsa())));
  state.SetBytesProcessed(state.iterations() * 20000 * 384 * 4);
}
BENCHMARK(DotRows);

}  // namespace
}  // namespace fovea

BENCHMARK_MAIN();
