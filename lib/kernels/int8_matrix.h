// A weight matrix in 8 bits, for products with activations in 8 bits: the fast precision of the
// encoder. Quantised and packed once at load, immutable, shared by threads.
//
// Each output has one scale, the activations of each row one that is found when they arrive; both
// integers lie within ±127. Sums of their products are exact, so that the ISAs agree bit for bit up
// to the epilogue.
//
// A few large activations would leave the others few steps. So, where `inputs` is a multiple of
// 128, both sides go through a Hadamard transform first, which spreads every activation over eight
// and leaves their products what they were (QuaRot, Ashkboos et al. 2024).

#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "lib/kernels/kernels.h"
#include "lib/kernels/matrix.h"

namespace fovea {

class Int8Matrix {
 public:
  Int8Matrix();
  // weights [outputs, inputs], row-major, as PyTorch's Linear.weight. `pool` may be null. Throws
  // Error(kInvalidArgument) if sizes do not fit or a sum over `inputs` could leave 32 bits (more
  // than 65,536).
  static Int8Matrix Quantize(std::span<const float> weights, std::size_t outputs,
                             std::size_t inputs, ThreadPool* pool);
  ~Int8Matrix();
  Int8Matrix(Int8Matrix&&) noexcept;
  Int8Matrix& operator=(Int8Matrix&&) noexcept;

  std::size_t outputs() const;
  std::size_t inputs() const;

  struct State;  // Known to the kernels only.
  const State& state() const { return *state_; }

 private:
  std::unique_ptr<State> state_;
};

// MatMul of kernels.h, with the same contract.
void MatMul(ConstMatrixView input, const Int8Matrix& weights, const Epilogue& epilogue,
            MatrixView out, ThreadPool* pool);

}  // namespace fovea
