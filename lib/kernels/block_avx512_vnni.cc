// Block products with AVX-512 VNNI: four products of bytes into a 32-bit lane at once.

#include <immintrin.h>

#include "lib/kernels/block_kernels.h"
#include "lib/kernels/keep_in_register.h"

namespace fovea {
namespace {

#include "lib/kernels/block_vec_avx512.inc"

constexpr bool kSplitsBytes = false;
Ints AddProducts(Ints sum, Ints weights, Ints input) {
  return {_mm512_dpbusd_epi32(sum.v, weights.v, input.v)};
}
template <int kFactor>
Ints Total(Ints sum) {
  return sum;
}

#include "lib/kernels/block_simd.inc"

}  // namespace

const BlockKernels& Avx512VnniBlockKernels() { return kTable; }

}  // namespace fovea
