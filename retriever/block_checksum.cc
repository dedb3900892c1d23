#include "retriever/block_checksum.h"

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "lib/base/hash.h"
#include "lib/base/thread_pool.h"

namespace fovea {
namespace {

constexpr std::size_t kBlockBytes = std::size_t{1} << 20;

}  // namespace

std::uint64_t FileChecksum(const Descriptor& file, std::uint64_t bytes, ThreadPool* pool) {
  const std::size_t blocks = (bytes + kBlockBytes - 1) / kBlockBytes;
  std::vector<std::byte> checksums(8 * blocks);
  const auto hash = [&](std::size_t begin, std::size_t end) {
    std::vector<std::byte> block;
    for (std::size_t b = begin; b < end; ++b) {
      const std::uint64_t offset = b * kBlockBytes;
      block.resize(std::min<std::uint64_t>(kBlockBytes, bytes - offset));
      file.ReadAt(offset, block);
      const std::uint64_t checksum = Checksum64(block);
      for (std::size_t i = 0; i < 8; ++i) {
        checksums[8 * b + i] = static_cast<std::byte>(checksum >> (8 * i));
      }
    }
  };
  constexpr std::size_t kGrain = 16;
  if (pool != nullptr) {
    pool->ParallelFor(blocks, kGrain, hash);
  } else {
    hash(0, blocks);
  }
  return Checksum64(checksums);
}

}  // namespace fovea
