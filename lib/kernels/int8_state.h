// Internal to lib/kernels: what an Int8Matrix holds.

#pragma once

#include <cstddef>
#include <cstdint>

#include "lib/base/round_up.h"
#include "lib/kernels/int8_kernels.h"
#include "lib/kernels/int8_matrix.h"
#include "lib/kernels/matrix.h"

namespace fovea {

// Panels of 16 outputs one after the other, the last one filled up with zero weights. A panel is
// [padded / 4, 16, 4] bytes w + 128: four inputs of an output side by side.
struct Int8Matrix::State {
  std::size_t outputs = 0;
  std::size_t inputs = 0;
  std::size_t padded = 0;  // inputs, up to a multiple of kInt8Padding
  bool rotated = false;
  Matrix bytes;   // the panels; a Matrix, which is aligned to 64 bytes
  Matrix scales;  // [1, panels · 16]

  std::size_t panels() const { return Pieces(outputs, kPanelWidth); }
  std::uint8_t* panel(std::size_t p) {
    return reinterpret_cast<std::uint8_t*>(bytes.data()) + p * padded * kPanelWidth;
  }
  const std::uint8_t* panel(std::size_t p) const {
    return reinterpret_cast<const std::uint8_t*>(bytes.data()) + p * padded * kPanelWidth;
  }
};

// Rows of activations as integers. They are scratch of one product.
class Int8Rows {
 public:
  // input [T, inputs] for `weights`. `pool` may be null.
  Int8Rows(ConstMatrixView input, const Int8Matrix::State& weights, const Int8Kernels& kernels,
           ThreadPool* pool);

  const std::byte* row(std::size_t r) const {
    return reinterpret_cast<const std::byte*>(codes_.data()) + r * stride_;
  }
  std::size_t stride() const { return stride_; }  // bytes
  const Int8Row* info(std::size_t r) const {
    return reinterpret_cast<const Int8Row*>(info_.data()) + r;
  }

 private:
  std::size_t stride_;
  Matrix codes_;
  Matrix info_;
};

}  // namespace fovea
