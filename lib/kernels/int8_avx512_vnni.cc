// AVX-512 with VNNI: four products of 8 bits added to one sum (vpdpbusd).

#include <immintrin.h>

#include "lib/kernels/int8_kernels.h"
#include "lib/kernels/keep_in_register.h"

namespace fovea {
namespace {

#include "lib/kernels/int8_vec_avx512.inc"

using Code = std::int8_t;

constexpr std::size_t kVectors = 1;
constexpr std::size_t kCollected = 1;
constexpr std::size_t kTileRows = 12;
constexpr std::size_t kTileColumns = 2;

Ints StoreCodes(std::byte* codes, Vec x) {
  const __m512i whole = WholeCodes(x);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(codes), _mm512_cvtsepi32_epi8(whole));
  return {whole};
}

Ints LoadWeights(const std::uint8_t* p) { return {_mm512_loadu_si512(p)}; }
Ints RepeatStep(const std::byte* codes) {
  std::int32_t step;
  __builtin_memcpy(&step, codes, sizeof step);
  return {_mm512_set1_epi32(step)};
}
Ints MultiplyAdd(Ints sums, Ints weights, Ints codes) {
  return {_mm512_dpbusd_epi32(sums.v, weights.v, codes.v)};
}

Vec Collect(Ints sums, Ints, std::int32_t offset) {
  return {_mm512_cvtepi32_ps(_mm512_sub_epi32(sums.v, _mm512_set1_epi32(offset)))};
}

#include "lib/kernels/int8_simd.inc"

}  // namespace

const Int8Kernels& Avx512VnniInt8Kernels() { return kTable; }

}  // namespace fovea
