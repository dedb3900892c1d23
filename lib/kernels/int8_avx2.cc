// AVX2: products of 16 bits, two added to one sum (vpmaddwd). vpmaddubsw would need the signs of
// the activations moved to the weights first, and so no fewer instructions.

#include <immintrin.h>

#include "lib/kernels/int8_kernels.h"
#include "lib/kernels/keep_in_register.h"

namespace fovea {
namespace {

#include "lib/kernels/lanes_avx2.inc"

using Code = std::int16_t;

constexpr std::size_t kVectors = 4;
constexpr std::size_t kCollected = 2;
// With two weights, a code and a product on the way: all sixteen registers.
constexpr std::size_t kTileRows = 6;
constexpr std::size_t kTileColumns = 2;

Vec Add(Vec a, Vec b) { return {_mm256_add_ps(a.v, b.v)}; }
Vec Sub(Vec a, Vec b) { return {_mm256_sub_ps(a.v, b.v)}; }

Ints StoreCodes(std::byte* codes, Vec x) {
  __m256i whole = _mm256_cvtps_epi32(x.v);
  whole =
      _mm256_max_epi32(_mm256_min_epi32(whole, _mm256_set1_epi32(127)), _mm256_set1_epi32(-127));
  const __m128i words =
      _mm_packs_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256(whole, 1));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(codes), words);
  return {whole};
}

Ints LoadWeights(const std::uint8_t* p) {
  return {_mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))};
}
Ints RepeatStep(const std::byte* codes) {
  return {_mm256_broadcastq_epi64(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(codes)))};
}
Ints MultiplyAdd(Ints sums, Ints weights, Ints codes) {
  return {_mm256_add_epi32(sums.v, _mm256_madd_epi16(weights.v, codes.v))};
}

Vec Collect(Ints a, Ints b, std::int32_t offset) {
  const __m256i pairs = _mm256_hadd_epi32(a.v, b.v);
  const __m256i sums = _mm256_permute4x64_epi64(pairs, 0xD8);
  return {_mm256_cvtepi32_ps(_mm256_sub_epi32(sums, _mm256_set1_epi32(offset)))};
}

#include "lib/kernels/int8_simd.inc"

}  // namespace

const Int8Kernels& Avx2Int8Kernels() { return kTable; }

}  // namespace fovea
