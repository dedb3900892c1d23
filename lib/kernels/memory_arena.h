// Memory of matrices that are read one after the other, such as all weights of a model: side by
// side, on pages as large as the system gives. A product of one row reads every weight once, and
// with pages of 4 KiB it waits for address translations (docs/performance.md has what this buys).

#pragma once

#include <cstddef>
#include <memory>

namespace fovea {

class MemoryArena {
 public:
  // Asks the system for `chunk_bytes` at a time, more where one array needs more.
  explicit MemoryArena(std::size_t chunk_bytes = std::size_t{32} << 20)
      : chunk_bytes_(chunk_bytes) {}

  // 64-byte aligned, not initialised. A chunk is given back when the last array in it is gone; the
  // arena itself need not live as long. Throws std::bad_alloc.
  std::shared_ptr<std::byte[]> Allocate(std::size_t bytes);

 private:
  std::size_t chunk_bytes_;
  std::shared_ptr<std::byte[]> chunk_;
  std::size_t chunk_size_ = 0;
  std::size_t used_ = 0;  // of chunk_
};

// From the arena, or, where it is null, memory of its own.
std::shared_ptr<std::byte[]> AllocateIn(MemoryArena* arena, std::size_t bytes);

}  // namespace fovea
