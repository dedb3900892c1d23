// Internal to lib/kernels: from GGUF's blocks to packed panels.

#pragma once

#include <cstddef>

#include "lib/kernels/block_format.h"

namespace fovea {

// Bytes of one step of one row in a file: 32 inputs, or 256 of the K formats.
std::size_t FileStepBytes(WeightType type);

// Writes a panel out of row_count <= 16 rows that lie row_bytes apart; lanes past row_count become
// zero weights. `inputs` is a multiple of the format's step.
void PackBlocks(WeightType type, const std::byte* rows, std::size_t row_bytes,
                std::size_t row_count, std::size_t inputs, std::byte* panel);

}  // namespace fovea
