// A weight matrix in the layout that the matmul kernels read. Packed once at load, immutable, shared by threads.

#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "lib/kernels/matrix.h"
#include "lib/kernels/weight_type.h"

namespace fovea {

class MemoryArena;
class ThreadPool;

// What a product makes of the other side, the activations: f32 as they are, or integers of 16 or of 8 bits with a scale for
// every 32 of them, which is several times as fast. For block formats only; F32 and F16 weights meet f32.
enum class InputPrecision { kF32, kInt16, kInt8 };

// Bytes of one row of `inputs` weights in a file. Throws Error(kInvalidArgument) if a block format does not divide `inputs`.
std::size_t RowBytes(WeightType type, std::size_t inputs);

struct PackOptions {
  InputPrecision precision = InputPrecision::kF32;
  ThreadPool* pool = nullptr;  // Packs with all its threads; null: with the calling one.
  MemoryArena* arena = nullptr;  // Where the matrix goes; null: into memory of its own.
};

class PackedMatrix {
 public:
  PackedMatrix();
  // weights: `outputs` rows of RowBytes(type, inputs) bytes, row-major, as PyTorch's Linear.weight and GGUF store them.
  // They are copied. Throws Error(kInvalidArgument) if sizes do not fit.
  PackedMatrix(WeightType type, std::span<const std::byte> weights, std::size_t outputs, std::size_t inputs,
               const PackOptions& options = {});
  ~PackedMatrix();
  PackedMatrix(PackedMatrix&&) noexcept;
  PackedMatrix& operator=(PackedMatrix&&) noexcept;

  std::size_t outputs() const;
  std::size_t inputs() const;
  WeightType type() const;
  // kF32 for F32 and F16 weights whatever was asked for.
  InputPrecision precision() const;

  // out[inputs] = row `output` of the weights in f32 (token embeddings of a tied head).
  void DequantizeRow(std::size_t output, std::span<float> out) const;

  struct State;  // Known to the kernels only.
  const State& state() const { return *state_; }

 private:
  std::unique_ptr<State> state_;
};

}  // namespace fovea
