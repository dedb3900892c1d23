#include "lib/kernels/memory_arena.h"

#include <algorithm>
#include <cstdlib>
#include <new>

#ifdef __linux__
#include <sys/mman.h>
#endif

#include "lib/base/round_up.h"
#include "lib/kernels/aligned_array.h"

namespace fovea {
namespace {

constexpr std::size_t kAlignment = 64;
constexpr std::size_t kLargePage = std::size_t{2} << 20;  // of x86-64

std::shared_ptr<std::byte[]> AllocateChunk(std::size_t bytes) {
  void* chunk = std::aligned_alloc(kLargePage, bytes);
  if (chunk == nullptr) throw std::bad_alloc();
#ifdef __linux__
  // A wish: where it is not granted, the pages are small ones and all else is the same.
  madvise(chunk, bytes, MADV_HUGEPAGE);
#endif
  return {static_cast<std::byte*>(chunk), [](std::byte* p) { std::free(p); }};
}

}  // namespace

std::shared_ptr<std::byte[]> MemoryArena::Allocate(std::size_t bytes) {
  bytes = RoundUp(bytes, kAlignment);
  if (bytes > chunk_size_ - used_) {
    chunk_size_ = RoundUp(std::max(bytes, chunk_bytes_), kLargePage);
    used_ = 0;
    chunk_ = AllocateChunk(chunk_size_);
  }
  std::shared_ptr<std::byte[]> array(chunk_, chunk_.get() + used_);
  used_ += bytes;
  return array;
}

std::shared_ptr<std::byte[]> AllocateIn(MemoryArena* arena, std::size_t bytes) {
  if (arena == nullptr) return AllocateAligned<std::byte>(bytes);
  return arena->Allocate(bytes);
}

}  // namespace fovea
