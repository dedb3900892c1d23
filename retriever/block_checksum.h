// One checksum of a long file that is never in memory as a whole: Checksum64 over the Checksum64s
// (little-endian) of its blocks of 1 MiB, the last one shorter.
//
// Internal to retriever/.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "lib/base/hash.h"

namespace fovea {

inline constexpr std::size_t kChecksumBlockBytes = std::size_t{1} << 20;

class BlockChecksum {
 public:
  // `block` has kChecksumBlockBytes, the last one at most as many and at least one.
  void AddBlock(std::span<const std::byte> block) {
    const std::uint64_t checksum = Checksum64(block);
    for (int shift = 0; shift < 64; shift += 8) {
      checksums_.push_back(static_cast<std::byte>(checksum >> shift));
    }
  }
  std::uint64_t Value() const { return Checksum64(checksums_); }

 private:
  std::vector<std::byte> checksums_;
};

}  // namespace fovea
