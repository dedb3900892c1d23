// Internal to lib/kernels: the part of MatMul that computes with quantised activations.

#pragma once

#include <cstddef>
#include <memory>

#include "lib/kernels/block_kernels.h"
#include "lib/kernels/matrix.h"
#include "lib/kernels/packed_state.h"

namespace fovea {

class ThreadPool;

// The rows of an input, quantised (block_kernels.h).
class QuantizedRows {
 public:
  QuantizedRows() = default;
  // input [T, inputs], inputs a multiple of 32; planes 1 (8 bits) or 2 (16 bits).
  QuantizedRows(ConstMatrixView input, std::size_t planes, ThreadPool* pool);

  const std::byte* row(std::size_t r) const { return bytes_.get() + r * stride_; }
  std::size_t stride() const { return stride_; }
  std::size_t planes() const { return planes_; }

 private:
  std::size_t planes_ = 0;
  std::size_t stride_ = 0;
  std::unique_ptr<std::byte[]> bytes_;
};

// sums[r, 16 · p + lane] of input rows [row, row + rows) and weight panels [panel, panel + count),
// count <= kGroupPanels.
void MultiplyQuantized(const QuantizedRows& input, std::size_t row, std::size_t rows,
                       const PackedMatrix::State& weights, std::size_t panel, std::size_t count,
                       float* sums, std::size_t sums_stride);

// The kernels of a block format in a table.
const BlockKernels::Format& FormatKernels(const BlockKernels& kernels, WeightType type);

}  // namespace fovea
