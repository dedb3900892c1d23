#include <immintrin.h>

#include "bench/peak.h"

namespace fovea::bench {

std::size_t PeakF32Avx2(std::size_t rounds, float* sink) {
  const __m256 x = _mm256_set1_ps(sink[0]);
  __m256 chain[kPeakChains];
  for (auto& sum : chain) sum = x;
  for (std::size_t i = 0; i < rounds; ++i) {
#pragma GCC unroll 12
    for (auto& sum : chain) sum = _mm256_fmadd_ps(sum, x, x);
  }
  for (const auto& sum : chain) _mm256_storeu_ps(sink, _mm256_add_ps(_mm256_loadu_ps(sink), sum));
  return rounds * kPeakChains * 8;
}

std::size_t PeakInt8Avx2(std::size_t rounds, float* sink) {
  __m256i x = _mm256_castps_si256(_mm256_set1_ps(sink[0]));
  __m256i chain[kPeakChains];
  for (auto& sum : chain) sum = x;
  for (std::size_t i = 0; i < rounds; ++i) {
    // Opaque to the compiler, or it would multiply once.
    asm volatile("" : "+x"(x));
#pragma GCC unroll 12
    for (auto& sum : chain) sum = _mm256_add_epi32(sum, _mm256_madd_epi16(sum, x));
  }
  for (const auto& sum : chain)
    _mm256_storeu_ps(sink, _mm256_add_ps(_mm256_loadu_ps(sink), _mm256_castsi256_ps(sum)));
  return rounds * kPeakChains * 16;
}

}  // namespace fovea::bench
