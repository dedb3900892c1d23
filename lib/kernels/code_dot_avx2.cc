// AVX2: 32 codes a register. vpmaddubsw wants one factor without sign: |q| · (c with q's sign). Its
// 16-bit sums of two products cannot saturate: 2 · 127² < 2^15.

#include <immintrin.h>

#include "lib/kernels/code_dot_table.h"

namespace fovea {
namespace {

constexpr std::size_t kWidth = 32;

struct Query {
  __m256i signs;
  __m256i magnitudes;
};
struct Sum {
  __m256i v;
};

__m256i Load(const std::int8_t* p) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
}
Query Prepare(const std::int8_t* p) { return {Load(p), _mm256_abs_epi8(Load(p))}; }
Sum Zero() { return {_mm256_setzero_si256()}; }

Sum MultiplyAdd(Query query, const std::int8_t* p, Sum sum) {
  const __m256i pairs =
      _mm256_maddubs_epi16(query.magnitudes, _mm256_sign_epi8(Load(p), query.signs));
  return {_mm256_add_epi32(sum.v, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)))};
}

void StoreSums(Sum a, Sum b, Sum c, Sum d, std::int32_t* out) {
  const __m256i sums = _mm256_hadd_epi32(_mm256_hadd_epi32(a.v, b.v), _mm256_hadd_epi32(c.v, d.v));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out),
                   _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1)));
}

std::int32_t Total(Sum sum) {
  std::int32_t totals[4];
  StoreSums(sum, Zero(), Zero(), Zero(), totals);
  return totals[0];
}

#include "lib/kernels/code_dot_simd.inc"

}  // namespace

const CodeDotTable& Avx2CodeDots() { return kTable; }

}  // namespace fovea
