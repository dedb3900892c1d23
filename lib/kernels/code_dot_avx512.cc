// Products of codes with AVX-512 (F, BW, VL, DQ).

#include <immintrin.h>

#include "lib/kernels/code_dot_table.h"

namespace fovea {
namespace {

__m512i MultiplyPairs(__m512i magnitudes, __m512i codes, __m512i sum) {
  // Sums of two products fit in 16 bits: 2 · 127² < 2^15.
  const __m512i pairs = _mm512_maddubs_epi16(magnitudes, codes);
  return _mm512_add_epi32(sum, _mm512_madd_epi16(pairs, _mm512_set1_epi16(1)));
}

#include "lib/kernels/code_dot_avx512.inc"

}  // namespace

const CodeDotTable& Avx512CodeDots() { return kTable; }

}  // namespace fovea
