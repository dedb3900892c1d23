// Products of codes with AVX-512 and VNNI: one instruction for multiplying and adding.

#include <immintrin.h>

#include "lib/kernels/code_dot_table.h"

namespace fovea {
namespace {

__m512i MultiplyPairs(__m512i magnitudes, __m512i codes, __m512i sum) {
  return _mm512_dpbusd_epi32(sum, magnitudes, codes);
}

#include "lib/kernels/code_dot_avx512.inc"

}  // namespace

const CodeDotTable& Avx512VnniCodeDots() { return kTable; }

}  // namespace fovea
