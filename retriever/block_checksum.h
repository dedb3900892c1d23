// One checksum of a long file that is never in memory as a whole: Checksum64 over the Checksum64s
// (little-endian) of its blocks of 1 MiB, the last one shorter.
//
// Internal to retriever/.

#pragma once

#include <cstdint>

#include "retriever/descriptor.h"

namespace fovea {

class ThreadPool;

// Of the file's first `bytes` bytes. Blocks are read and hashed by all threads of the pool. Throws
// Error(kIo).
std::uint64_t FileChecksum(const Descriptor& file, std::uint64_t bytes, ThreadPool* pool);

}  // namespace fovea
