// AVX-512 (F, BW, VL, DQ): 16 floats a register, a whole panel row; 32 registers.

#include <immintrin.h>

#include "lib/kernels/kernel_table.h"

namespace fovea {
namespace {

struct Vec {
  static constexpr std::size_t kWidth = 16;
  __m512 v;
};

constexpr std::size_t kTileRows = 12;
constexpr std::size_t kTilePanels = 2;
constexpr std::size_t kFewRowPanels = 4;

Vec Load(const float* p) { return {_mm512_loadu_ps(p)}; }
void Store(float* p, Vec x) { _mm512_storeu_ps(p, x.v); }
Vec LoadPartial(const float* p, std::size_t n) {
  return {_mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << n) - 1), p)};
}
void StorePartial(float* p, std::size_t n, Vec x) {
  _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1u << n) - 1), x.v);
}
Vec Set(float x) { return {_mm512_set1_ps(x)}; }
Vec Add(Vec a, Vec b) { return {_mm512_add_ps(a.v, b.v)}; }
Vec Sub(Vec a, Vec b) { return {_mm512_sub_ps(a.v, b.v)}; }
Vec Mul(Vec a, Vec b) { return {_mm512_mul_ps(a.v, b.v)}; }
Vec Div(Vec a, Vec b) { return {_mm512_div_ps(a.v, b.v)}; }
Vec Fma(Vec a, Vec b, Vec c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
Vec Max(Vec a, Vec b) { return {_mm512_max_ps(a.v, b.v)}; }
Vec Min(Vec a, Vec b) { return {_mm512_min_ps(a.v, b.v)}; }
Vec Round(Vec x) {
  return {_mm512_roundscale_ps(x.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
}

Vec PowerOfTwo(Vec n) {
  const __m512i exponent = _mm512_add_epi32(_mm512_cvtps_epi32(n.v), _mm512_set1_epi32(127));
  return {_mm512_castsi512_ps(_mm512_slli_epi32(exponent, 23))};
}

Vec Select(Vec x, float bound, Vec yes, Vec no) {
  const __mmask16 mask = _mm512_cmp_ps_mask(x.v, _mm512_set1_ps(bound), _CMP_NLT_UQ);
  return {_mm512_mask_blend_ps(mask, no.v, yes.v)};
}

Vec LoadHalves(const std::byte* p) {
  return {_mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)))};
}

void StoreHalves(std::uint16_t* p, Vec x) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p),
                      _mm512_cvtps_ph(x.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}

#include "lib/kernels/kernels_simd.inc"

}  // namespace

const KernelTable& Avx512Kernels() { return kTable; }

}  // namespace fovea
