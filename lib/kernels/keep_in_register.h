// Internal to lib/kernels: a hint to the register allocator.

#pragma once

#include <cstddef>

namespace fovea {

// The emulated AVX-512 of the tests has wider "registers", that live in memory.
#if defined(__AVX512F__)
inline constexpr std::size_t kRegisterBytes = 64;
#else
inline constexpr std::size_t kRegisterBytes = 32;
#endif

// For a sum, after each step of an unrolled tile: it is used and changed here. Without it GCC 12
// orders the steps so that sums are copied and spilled in the innermost loop (of an int8 tile, 18 of
// 24). Costs no instruction.
template <typename Register>
[[gnu::always_inline]] inline void KeepInRegister(Register& sum) {
  if constexpr (sizeof sum <= kRegisterBytes) asm("" : "+v"(sum));
}

}  // namespace fovea
