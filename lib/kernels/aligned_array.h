// Memory that the kernels read: aligned to 64 bytes, a whole number of them, not initialised.

#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>
#include <type_traits>

#include "lib/base/round_up.h"

namespace fovea {

struct FreeAligned {
  void operator()(void* p) const { std::free(p); }
};

template <typename T>
using AlignedArray = std::unique_ptr<T[], FreeAligned>;

// Null if `count` is 0. Throws std::bad_alloc.
template <typename T>
AlignedArray<T> AllocateAligned(std::size_t count) {
  static_assert(std::is_trivial_v<T>);
  if (count == 0) return nullptr;
  void* p = std::aligned_alloc(64, RoundUp(count * sizeof(T), 64));
  if (p == nullptr) throw std::bad_alloc();
  return AlignedArray<T>(static_cast<T*>(p));
}

}  // namespace fovea
