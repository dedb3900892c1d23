// AVX2, FMA and F16C: 8 floats a register, 16 registers.

#include <immintrin.h>

#include "lib/kernels/kernel_table.h"

namespace fovea {
namespace {

struct Vec {
  static constexpr std::size_t kWidth = 8;
  __m256 v;
};

constexpr std::size_t kTileRows = 6;
constexpr std::size_t kTilePanels = 1;
constexpr std::size_t kFewRowPanels = 2;

Vec Load(const float* p) { return {_mm256_loadu_ps(p)}; }
void Store(float* p, Vec x) { _mm256_storeu_ps(p, x.v); }
__m256i FirstLanes(std::size_t n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)),
                            _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
Vec LoadPartial(const float* p, std::size_t n) { return {_mm256_maskload_ps(p, FirstLanes(n))}; }
void StorePartial(float* p, std::size_t n, Vec x) { _mm256_maskstore_ps(p, FirstLanes(n), x.v); }
Vec Set(float x) { return {_mm256_set1_ps(x)}; }
Vec Add(Vec a, Vec b) { return {_mm256_add_ps(a.v, b.v)}; }
Vec Sub(Vec a, Vec b) { return {_mm256_sub_ps(a.v, b.v)}; }
Vec Mul(Vec a, Vec b) { return {_mm256_mul_ps(a.v, b.v)}; }
Vec Div(Vec a, Vec b) { return {_mm256_div_ps(a.v, b.v)}; }
Vec Fma(Vec a, Vec b, Vec c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }
Vec Max(Vec a, Vec b) { return {_mm256_max_ps(a.v, b.v)}; }
Vec Min(Vec a, Vec b) { return {_mm256_min_ps(a.v, b.v)}; }
Vec Round(Vec x) { return {_mm256_round_ps(x.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)}; }

Vec PowerOfTwo(Vec n) {
  const __m256i exponent = _mm256_add_epi32(_mm256_cvtps_epi32(n.v), _mm256_set1_epi32(127));
  return {_mm256_castsi256_ps(_mm256_slli_epi32(exponent, 23))};
}

Vec Select(Vec x, float bound, Vec yes, Vec no) {
  return {_mm256_blendv_ps(no.v, yes.v, _mm256_cmp_ps(x.v, _mm256_set1_ps(bound), _CMP_NLT_UQ))};
}

Vec LoadHalves(const std::byte* p) {
  return {_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))};
}

void StoreHalves(std::uint16_t* p, Vec x) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p),
                   _mm256_cvtps_ph(x.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}

#include "lib/kernels/kernels_simd.inc"

}  // namespace

const KernelTable& Avx2Kernels() { return kTable; }

}  // namespace fovea
