// Block products with AVX-512 without VNNI: bytes are multiplied as with AVX2.

#include <immintrin.h>

#include "lib/kernels/block_kernels.h"
#include "lib/kernels/keep_in_register.h"

namespace fovea {
namespace {

#include "lib/kernels/block_vec_avx512.inc"

// Pairs are added in 16 bits: 8 groups · 2 · 15 · 128 < 2^15.
constexpr bool kSplitsBytes = true;
Ints AddProducts(Ints sum, Ints weights, Ints input) {
  return {_mm512_add_epi16(sum.v, _mm512_maddubs_epi16(weights.v, input.v))};
}
template <int kFactor>
Ints Total(Ints sum) {
  return {_mm512_madd_epi16(sum.v, _mm512_set1_epi16(kFactor))};
}

#include "lib/kernels/block_simd.inc"

}  // namespace

const BlockKernels& Avx512BlockKernels() { return kTable; }

}  // namespace fovea
