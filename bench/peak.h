// The most multiply-adds a second that one core can do: chains that never wait for each other and
// touch no memory. What a kernel's speed is compared with (docs/performance.md, "Roofline").

#pragma once

#include <cstddef>

namespace fovea::bench {

// Runs `rounds` rounds of kPeakChains vector multiply-adds; gives the multiply-adds done. The
// result is written to `sink`, so that the compiler keeps the work.
using PeakLoop = std::size_t (*)(std::size_t rounds, float* sink);

inline constexpr int kPeakChains = 12;

std::size_t PeakF32Avx2(std::size_t rounds, float* sink);
std::size_t PeakF32Avx512(std::size_t rounds, float* sink);
// 8-bit products summed exactly in 32 bits, the way that is fastest where there is no VNNI: 16-bit
// multiply-adds of pairs.
std::size_t PeakInt8Avx2(std::size_t rounds, float* sink);
std::size_t PeakInt8Avx512(std::size_t rounds, float* sink);
std::size_t PeakInt8Avx512Vnni(std::size_t rounds, float* sink);

}  // namespace fovea::bench
