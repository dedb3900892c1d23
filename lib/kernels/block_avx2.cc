// Block products with AVX2: 8 outputs a register.

#include <immintrin.h>

#include "lib/kernels/block_kernels.h"
#include "lib/kernels/keep_in_register.h"

namespace fovea {
namespace {

#include "lib/kernels/lanes_avx2.inc"

template <std::size_t kSums>
constexpr std::size_t kTileRows = kSums == 1 ? 3 : kSums == 2 ? 2 : 1;
constexpr std::size_t kFewRowTile = 2;
constexpr std::size_t kFewRowPanels = 2;

Vec RepeatFloat(const std::byte* p) {
  return {_mm256_broadcast_ss(reinterpret_cast<const float*>(p))};
}
Vec Fma(Vec a, Vec b, Vec c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }
Vec LoadHalves(const std::byte* p) {
  return {_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))};
}
__m128i LoadBytes(const std::byte* p) {
  return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p));
}
Vec FromUnsignedBytes(const std::byte* p) {
  return {_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(LoadBytes(p)))};
}
Vec FromSignedBytes(const std::byte* p) {
  return {_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(LoadBytes(p)))};
}
Vec FromInts(Ints x) { return {_mm256_cvtepi32_ps(x.v)}; }

Ints LoadInts(const std::byte* p) {
  return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))};
}
void StoreInts(std::byte* p, Ints x) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), x.v);
}
Ints RepeatValue(int x) { return {_mm256_set1_epi32(x)}; }
Ints RepeatInt(const std::byte* p) {
  return {_mm256_castps_si256(_mm256_broadcast_ss(reinterpret_cast<const float*>(p)))};
}
template <int kBits>
Ints ShiftLeft(Ints x) {
  return {_mm256_slli_epi32(x.v, kBits)};
}
template <int kBits>
Ints ShiftRight(Ints x) {
  return {_mm256_srai_epi32(x.v, kBits)};
}
Ints LowNibbles(Ints x) { return {_mm256_and_si256(x.v, _mm256_set1_epi8(15))}; }
Ints HighNibbles(Ints x) { return LowNibbles({_mm256_srli_epi16(x.v, 4)}); }
template <int kPlace>
Ints Byte(Ints x) {
  return {_mm256_and_si256(_mm256_srli_epi32(x.v, 8 * kPlace), _mm256_set1_epi32(255))};
}
Ints RoundToInts(Vec x) { return {_mm256_cvtps_epi32(x.v)}; }
void StoreLowBytes(std::byte* p, Ints x) {
  const __m128i places = _mm_setr_epi8(0, 4, 8, 12, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1);
  const __m128i low = _mm_shuffle_epi8(_mm256_castsi256_si128(x.v), places);
  const __m128i high = _mm_shuffle_epi8(_mm256_extracti128_si256(x.v, 1), places);
  _mm_storel_epi64(reinterpret_cast<__m128i*>(p), _mm_unpacklo_epi32(low, high));
}

// Pairs are added in 16 bits: 8 groups · 2 · 15 · 128 < 2^15.
constexpr bool kSplitsBytes = true;
Ints AddProducts(Ints sum, Ints weights, Ints input) {
  return {_mm256_add_epi16(sum.v, _mm256_maddubs_epi16(weights.v, input.v))};
}
template <int kFactor>
Ints Total(Ints sum) {
  return {_mm256_madd_epi16(sum.v, _mm256_set1_epi16(kFactor))};
}

#include "lib/kernels/block_simd.inc"

}  // namespace

const BlockKernels& Avx2BlockKernels() { return kTable; }

}  // namespace fovea
