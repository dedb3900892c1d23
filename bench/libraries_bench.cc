// The products of a MiniLM layer over TOKENS tokens: fovea's kernels beside OpenBLAS and, where it
// was there when this was built, oneDNN, with weights packed beforehand where the library can.
// Prints a Markdown table of billions of multiply-adds a second. oneDNN's int8 products get
// activations that are quantised already; fovea's quantise theirs.
//
// usage: libraries_bench TOKENS THREADS

#include <cblas.h>
#include <omp.h>

#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "bench/bandwidth.h"
#include "bench/random_matrix.h"
#include "bench/run_main.h"
#include "lib/base/thread_pool.h"
#include "lib/kernels/int8_matrix.h"
#include "lib/kernels/isa.h"
#include "lib/kernels/kernels.h"
#include "lib/kernels/packed_matrix.h"

#ifdef FOVEA_HAS_DNNL
#include <oneapi/dnnl/dnnl.hpp>
#endif

extern "C" void openblas_set_num_threads(int);

namespace fovea::bench {
namespace {

struct Shape {
  std::size_t tokens;
  std::size_t inputs;
  std::size_t outputs;

  double work() const { return static_cast<double>(tokens * inputs * outputs); }
};

double OpenBlas(const Shape& s, ConstMatrixView input, ConstMatrixView weights, MatrixView out) {
  const auto m = static_cast<int>(s.tokens), k = static_cast<int>(s.inputs),
             n = static_cast<int>(s.outputs);
  return Rate([&] {
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, m, n, k, 1, input.data, k, weights.data, k,
                0, out.data, n);
  });
}

double Floats(ConstMatrixView input, ConstMatrixView weights, MatrixView out, ThreadPool& pool) {
  const PackedMatrix packed(WeightType::kF32,
                            std::as_bytes(std::span(weights.data, weights.rows * weights.cols)),
                            weights.rows, weights.cols);
  return Rate([&] { MatMul(input, packed, {}, out, &pool); });
}

double Bytes(ConstMatrixView input, ConstMatrixView weights, MatrixView out, ThreadPool& pool) {
  const Int8Matrix packed = Int8Matrix::Quantize(
      std::span(weights.data, weights.rows * weights.cols), weights.rows, weights.cols, &pool);
  return Rate([&] { MatMul(input, packed, {}, out, &pool); });
}

#ifdef FOVEA_HAS_DNNL
// One product with weights [inputs, outputs] in the layout that the library chooses.
double OneDnn(const Shape& s, dnnl::memory::data_type activations,
              dnnl::memory::data_type weights) {
  using Tag = dnnl::memory::format_tag;
  using Type = dnnl::memory::data_type;
  dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  dnnl::stream stream(engine);
  const auto dim = [](std::size_t n) { return static_cast<dnnl::memory::dim>(n); };
  const dnnl::memory::desc source({dim(s.tokens), dim(s.inputs)}, activations, Tag::ab);
  const dnnl::memory::desc any({dim(s.inputs), dim(s.outputs)}, weights, Tag::any);
  const dnnl::memory::desc target({dim(s.tokens), dim(s.outputs)}, Type::f32, Tag::ab);
  dnnl::primitive_attr attributes;
  if (weights == Type::s8)
    attributes.set_output_scales(1 << 1, std::vector<float>(s.outputs, 0.01f));
  const dnnl::matmul::primitive_desc product(dnnl::matmul::desc(source, any, target), attributes,
                                             engine);
  dnnl::memory in(source, engine), packed(product.weights_desc(), engine), out(target, engine);
  const auto fill = [](dnnl::memory& memory) {
    auto* bytes = static_cast<std::uint8_t*>(memory.get_data_handle());
    for (std::size_t i = 0; i < memory.get_desc().get_size(); ++i)
      bytes[i] = static_cast<std::uint8_t>(i * 37 % 61);
  };
  fill(in);
  fill(packed);
  const dnnl::matmul matmul(product);
  return Rate([&] {
    matmul.execute(stream, {{DNNL_ARG_SRC, in}, {DNNL_ARG_WEIGHTS, packed}, {DNNL_ARG_DST, out}});
    stream.wait();
  });
}
#endif

void Run(std::size_t tokens, int threads) {
  omp_set_num_threads(threads);
  openblas_set_num_threads(threads);
  ThreadPool pool(threads);
  std::printf("FOVEA_ISA=%s, %zu tokens, %d threads\n\n", std::string(Name(CurrentIsa())).c_str(),
              tokens, threads);
  std::printf(
      "| inputs × outputs | fovea f32 | OpenBLAS f32 | oneDNN f32 | fovea int8 | oneDNN int8 |\n");
  std::printf("|---|---|---|---|---|---|\n");
  constexpr std::size_t kShapes[][2] = {{384, 1152}, {384, 384}, {384, 1536}, {1536, 384}};
  for (const auto& [inputs, outputs] : kShapes) {
    const Shape shape = {tokens, inputs, outputs};
    const Matrix input = RandomMatrix(tokens, inputs);
    const Matrix weights = RandomMatrix(outputs, inputs);
    Matrix out(tokens, outputs);
    const double giga = shape.work() / 1e9;
    double dnnl_f32 = 0, dnnl_int8 = 0;
#ifdef FOVEA_HAS_DNNL
    using Type = dnnl::memory::data_type;
    dnnl_f32 = OneDnn(shape, Type::f32, Type::f32);
    dnnl_int8 = OneDnn(shape, Type::u8, Type::s8);
#endif
    std::printf("| %zu × %zu | %.1f | %.1f | %.1f | %.1f | %.1f |\n", inputs, outputs,
                giga * Floats(input.view(), weights.view(), out.view(), pool),
                giga * OpenBlas(shape, input.view(), weights.view(), out.view()), giga * dnnl_f32,
                giga * Bytes(input.view(), weights.view(), out.view(), pool), giga * dnnl_int8);
  }
}

}  // namespace
}  // namespace fovea::bench

int main(int argc, char** argv) {
  return fovea::RunMain(argc == 3, "libraries_bench TOKENS THREADS",
                        [&] { fovea::bench::Run(std::stoul(argv[1]), std::stoi(argv[2])); });
}
