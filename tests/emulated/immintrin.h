// AVX-512 for any CPU: SIMDe's portable versions under the intrinsics' own names, and those that
// SIMDe 0.7.4 lacks, after Intel's description of each. Found before the compiler's header of this
// name by the emulated kernel tests alone.

#pragma once

#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>
#include <simde/x86/f16c.h>

using __mmask16 = simde__mmask16;
using __mmask64 = simde__mmask64;
#undef _MM_FROUND_NO_EXC
#define _MM_FROUND_NO_EXC SIMDE_MM_FROUND_NO_EXC
#undef _MM_FROUND_TO_NEAREST_INT
#define _MM_FROUND_TO_NEAREST_INT SIMDE_MM_FROUND_TO_NEAREST_INT

namespace emulated {

template <typename To, typename From>
inline To Bits(const From& from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  __builtin_memcpy(&to, &from, sizeof(to));
  return to;
}

struct Floats {
  float lane[16];
};
struct Ints {
  int lane[16];
};

// SIMDe's rounds twice on a CPU without fused multiply-adds.
inline __m512 Fma(__m512 a, __m512 b, __m512 c) {
  const auto x = Bits<Floats>(a);
  const auto y = Bits<Floats>(b);
  auto sum = Bits<Floats>(c);
  for (int i = 0; i < 16; ++i) sum.lane[i] = __builtin_fmaf(x.lane[i], y.lane[i], sum.lane[i]);
  return Bits<__m512>(sum);
}

inline __m512 FromInts(__m512i from) {
  const auto ints = Bits<Ints>(from);
  Floats floats;
  for (int i = 0; i < 16; ++i) floats.lane[i] = static_cast<float>(ints.lane[i]);
  return Bits<__m512>(floats);
}

// To the nearest, ties to even.
inline __m512i ToInts(__m512 from) {
  const auto floats = Bits<Floats>(from);
  Ints ints;
  for (int i = 0; i < 16; ++i)
    ints.lane[i] = static_cast<int>(__builtin_nearbyintf(floats.lane[i]));
  return Bits<__m512i>(ints);
}

template <typename Byte>
inline __m512i Widen(__m128i from) {
  struct Bytes {
    Byte lane[16];
  };
  const auto bytes = Bits<Bytes>(from);
  Ints ints;
  for (int i = 0; i < 16; ++i) ints.lane[i] = bytes.lane[i];
  return Bits<__m512i>(ints);
}

// The low byte of each.
inline __m128i Narrow(__m512i from) {
  struct Bytes {
    unsigned char lane[16];
  };
  const auto ints = Bits<Ints>(from);
  Bytes bytes;
  for (int i = 0; i < 16; ++i) bytes.lane[i] = static_cast<unsigned char>(ints.lane[i]);
  return Bits<__m128i>(bytes);
}

inline __m512i ShiftRight(__m512i from, unsigned count) {
  auto ints = Bits<Ints>(from);
  for (int& lane : ints.lane) lane >>= count < 31 ? count : 31;
  return Bits<__m512i>(ints);
}

inline int Sum(__m512i from) {
  int sum = 0;
  for (const int lane : Bits<Ints>(from).lane) sum += lane;
  return sum;
}

inline int Greatest(__m512i from) {
  const auto ints = Bits<Ints>(from);
  int greatest = ints.lane[0];
  for (const int lane : ints.lane) greatest = lane > greatest ? lane : greatest;
  return greatest;
}

inline __m512 FromHalves(__m256i from) {
  struct Halves {
    __m128i part[2];
  };
  const auto halves = Bits<Halves>(from);
  struct Parts {
    __m256 part[2];
  };
  return Bits<__m512>(Parts{{_mm256_cvtph_ps(halves.part[0]), _mm256_cvtph_ps(halves.part[1])}});
}

// To nearest, ties to even.
inline __m256i ToHalves(__m512 from) {
  struct Halves {
    unsigned short lane[16];
  };
  const auto floats = Bits<Floats>(from);
  Halves halves = {};
  for (int i = 0; i < 16; ++i) {
    const float magnitude = __builtin_fabsf(floats.lane[i]);
    int half = 0x7e00;
    if (magnitude >= 65520.0f) {
      half = 0x7c00;
    } else if (magnitude >= 0) {
      const int exponent = magnitude < 0x1p-14f ? -14 : __builtin_ilogbf(magnitude);
      half = ((exponent + 14) << 10) +
             static_cast<int>(__builtin_nearbyintf(__builtin_ldexpf(magnitude, 10 - exponent)));
    }
    halves.lane[i] =
        static_cast<unsigned short>(half | (__builtin_signbit(floats.lane[i]) ? 0x8000 : 0));
  }
  return Bits<__m256i>(halves);
}

inline __m512 LoadLanes(__mmask16 mask, const float* p) {
  Floats floats = {};
  for (int i = 0; i < 16; ++i) {
    if ((mask >> i & 1) != 0) floats.lane[i] = p[i];
  }
  return Bits<__m512>(floats);
}

inline void StoreLanes(float* p, __mmask16 mask, __m512 from) {
  const auto floats = Bits<Floats>(from);
  for (int i = 0; i < 16; ++i) {
    if ((mask >> i & 1) != 0) p[i] = floats.lane[i];
  }
}

// SIMDe gives the name to a masked form that Intel has not.
inline __m512i MultiplyAddPairs(__m512i a, __m512i b) {
  struct Shorts {
    short lane[32];
  };
  const auto x = Bits<Shorts>(a);
  const auto y = Bits<Shorts>(b);
  Ints sums;
  for (int i = 0; i < 16; ++i) {
    sums.lane[i] = x.lane[2 * i] * y.lane[2 * i] + x.lane[2 * i + 1] * y.lane[2 * i + 1];
  }
  return Bits<__m512i>(sums);
}

inline __m512i WidenBytes(__m256i from) {
  struct Bytes {
    unsigned char lane[32];
  };
  struct Shorts {
    short lane[32];
  };
  const auto bytes = Bits<Bytes>(from);
  Shorts shorts;
  for (int i = 0; i < 32; ++i) shorts.lane[i] = bytes.lane[i];
  return Bits<__m512i>(shorts);
}

}  // namespace emulated

#undef _mm512_fmadd_ps
#define _mm512_fmadd_ps(a, b, c) emulated::Fma(a, b, c)
#define _mm512_cvtepi32_ps(a) emulated::FromInts(a)
#define _mm512_cvtps_epi32(a) emulated::ToInts(a)
#define _mm512_cvtepi8_epi32(a) emulated::Widen<signed char>(a)
#define _mm512_cvtepu8_epi32(a) emulated::Widen<unsigned char>(a)
#define _mm512_cvtph_ps(a) emulated::FromHalves(a)
#define _mm512_cvtps_ph(a, rounding) emulated::ToHalves(a)
#define _mm512_maskz_loadu_ps(mask, p) emulated::LoadLanes(mask, p)
#define _mm512_mask_storeu_ps(p, mask, a) emulated::StoreLanes(p, mask, a)
#undef _mm512_madd_epi16
#define _mm512_madd_epi16(a, b) emulated::MultiplyAddPairs(a, b)
#define _mm512_cvtepu8_epi16(a) emulated::WidenBytes(a)
#define _mm512_cvtepi32_epi8(a) emulated::Narrow(a)
#define _mm512_srai_epi32(a, count) emulated::ShiftRight(a, count)
#define _mm512_reduce_add_epi32(a) emulated::Sum(a)
#define _mm512_reduce_max_epi32(a) emulated::Greatest(a)
