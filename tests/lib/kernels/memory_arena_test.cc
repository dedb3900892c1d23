#include "lib/kernels/memory_arena.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

namespace fovea {
namespace {

bool IsAligned(const std::shared_ptr<std::byte[]>& array) {
  return reinterpret_cast<std::uintptr_t>(array.get()) % 64 == 0;
}

// Arrays within a chunk, larger than one, and of no bytes at all: none reaches into another.
TEST(MemoryArena, ArraysAreAlignedAndDoNotOverlap) {
  MemoryArena arena(1 << 21);
  std::mt19937 random(1);
  std::vector<std::pair<std::shared_ptr<std::byte[]>, std::size_t>> arrays;
  for (int i = 0; i < 200; ++i) {
    const std::size_t bytes = i % 50 == 49 ? (5u << 20) + 1 : random() % 100'000;
    arrays.emplace_back(arena.Allocate(bytes), bytes);
    ASSERT_TRUE(IsAligned(arrays.back().first));
    std::memset(arrays.back().first.get(), i, bytes);
  }
  for (int i = 0; i < 200; ++i) {
    const auto& [array, bytes] = arrays[static_cast<std::size_t>(i)];
    for (std::size_t b = 0; b < bytes; ++b) ASSERT_EQ(array[b], static_cast<std::byte>(i)) << i;
  }
}

TEST(MemoryArena, AnArrayOutlivesItsArenaAndItsNeighbours) {
  std::shared_ptr<std::byte[]> kept;
  {
    MemoryArena arena;
    const auto neighbour = arena.Allocate(100);
    kept = arena.Allocate(1000);
  }
  std::memset(kept.get(), 7, 1000);
  EXPECT_EQ(kept[999], std::byte{7});
}

TEST(MemoryArena, WithoutAnArenaTheMemoryIsItsOwn) {
  const auto array = AllocateIn(nullptr, 100);
  EXPECT_TRUE(IsAligned(array));
  std::memset(array.get(), 1, 100);
  MemoryArena arena;
  EXPECT_TRUE(IsAligned(AllocateIn(&arena, 100)));
}

}  // namespace
}  // namespace fovea
