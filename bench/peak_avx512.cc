#include <immintrin.h>

#include "bench/peak.h"

namespace fovea::bench {

std::size_t PeakF32Avx512(std::size_t rounds, float* sink) {
  const __m512 x = _mm512_set1_ps(sink[0]);
  __m512 chain[kPeakChains];
  for (auto& sum : chain) sum = x;
  for (std::size_t i = 0; i < rounds; ++i) {
#pragma GCC unroll 12
    for (auto& sum : chain) sum = _mm512_fmadd_ps(sum, x, x);
  }
  for (const auto& sum : chain) _mm512_storeu_ps(sink, _mm512_add_ps(_mm512_loadu_ps(sink), sum));
  return rounds * kPeakChains * 16;
}

std::size_t PeakInt8Avx512(std::size_t rounds, float* sink) {
  __m512i x = _mm512_castps_si512(_mm512_set1_ps(sink[0]));
  __m512i chain[kPeakChains];
  for (auto& sum : chain) sum = x;
  for (std::size_t i = 0; i < rounds; ++i) {
    asm volatile("" : "+v"(x));
#pragma GCC unroll 12
    for (auto& sum : chain) sum = _mm512_add_epi32(sum, _mm512_madd_epi16(sum, x));
  }
  for (const auto& sum : chain)
    _mm512_storeu_ps(sink, _mm512_add_ps(_mm512_loadu_ps(sink), _mm512_castsi512_ps(sum)));
  return rounds * kPeakChains * 32;
}

}  // namespace fovea::bench
