// A weight matrix in the layout that the matmul kernels read. Packed once at load, immutable, shared by threads.

#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "lib/kernels/matrix.h"

namespace fovea {

// How the weights are stored on disk. Block formats are GGUF's (32 weights a block along the input dimension).
enum class WeightType { kF32, kF16, kQ8_0, kQ4_0, kQ4_1 };

// Bytes of one row of `inputs` weights. Throws Error(kInvalidArgument) if a block format does not divide `inputs`.
std::size_t RowBytes(WeightType type, std::size_t inputs);

class PackedMatrix {
 public:
  PackedMatrix();
  // weights: `outputs` rows of RowBytes(type, inputs) bytes, row-major, as PyTorch's Linear.weight and GGUF store them.
  // They are copied, or borrowed where the layout serves as it is: `weights` must then outlive the PackedMatrix (a mapped
  // file does). Throws Error(kInvalidArgument) if sizes do not fit.
  PackedMatrix(WeightType type, std::span<const std::byte> weights, std::size_t outputs, std::size_t inputs);
  ~PackedMatrix();
  PackedMatrix(PackedMatrix&&) noexcept;
  PackedMatrix& operator=(PackedMatrix&&) noexcept;

  std::size_t outputs() const;
  std::size_t inputs() const;
  WeightType type() const;

  // out[inputs] = row `output` of the weights in f32 (token embeddings of a tied head).
  void DequantizeRow(std::size_t output, std::span<float> out) const;

  struct State;  // Known to the kernels only.
  const State& state() const { return *state_; }

 private:
  std::unique_ptr<State> state_;
};

}  // namespace fovea
