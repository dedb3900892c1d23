// AVX-512 without VNNI: products of 16 bits, two added to one sum (vpmaddwd).

#include <immintrin.h>

#include "lib/kernels/int8_kernels.h"
#include "lib/kernels/keep_in_register.h"

namespace fovea {
namespace {

#include "lib/kernels/int8_vec_avx512.inc"

using Code = std::int16_t;

constexpr std::size_t kVectors = 2;
constexpr std::size_t kCollected = 2;
constexpr std::size_t kTileRows = 12;
constexpr std::size_t kTileColumns = 2;

Ints StoreCodes(std::byte* codes, Vec x) {
  const __m512i whole = WholeCodes(x);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(codes), _mm512_cvtsepi32_epi16(whole));
  return {whole};
}

Ints LoadWeights(const std::uint8_t* p) {
  return {_mm512_cvtepu8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)))};
}
Ints RepeatStep(const std::byte* codes) {
  return {_mm512_broadcastq_epi64(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(codes)))};
}
Ints MultiplyAdd(Ints sums, Ints weights, Ints codes) {
  return {_mm512_add_epi32(sums.v, _mm512_madd_epi16(weights.v, codes.v))};
}

Vec Collect(Ints a, Ints b, std::int32_t offset) {
  const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  const __m512i odd = _mm512_add_epi32(even, _mm512_set1_epi32(1));
  const __m512i sums = _mm512_add_epi32(_mm512_permutex2var_epi32(a.v, even, b.v),
                                        _mm512_permutex2var_epi32(a.v, odd, b.v));
  return {_mm512_cvtepi32_ps(_mm512_sub_epi32(sums, _mm512_set1_epi32(offset)))};
}

#include "lib/kernels/int8_simd.inc"

}  // namespace

const Int8Kernels& Avx512Int8Kernels() { return kTable; }

}  // namespace fovea
