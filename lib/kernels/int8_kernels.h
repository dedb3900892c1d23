// Internal to lib/kernels: the integer products of int8_matmul.h that each instruction set
// provides.
//
// Weights w are stored as the unsigned byte w + 128 and activations a are signed, |a| <= 127: what
// AVX512_VNNI multiplies. The other sets widen both to 16 bits, where a pair of products cannot
// overflow. Every set computes Σ (w + 128) a exactly and takes 128 Σ a off, so that all agree bit
// for bit up to the epilogue.

#pragma once

#include <cstddef>
#include <cstdint>

#include "lib/kernels/kernel_table.h"

namespace fovea {

// Inputs whose weights of one output lie side by side; rows are filled up with zeros to
// kInt8Padding.
inline constexpr std::size_t kInt8Step = 4;
inline constexpr std::size_t kInt8Padding = 16;
inline constexpr std::int32_t kInt8WeightOffset = 128;
inline constexpr float kInt8Largest = 127;

// A row smaller than this counts as zeros: the reciprocal of its scale could overflow.
inline constexpr float kInt8LeastMagnitude = 1e-30f;

struct Int8Row {
  float scale = 0;       // activation = scale · code; NaN if the row holds one
  std::int32_t sum = 0;  // Σ code
};

// sums[r, 16·p + lane] = Σ_k input[r, k] · weight[p][k, lane], scaled.
struct Int8Product {
  const std::byte* input;    // codes [rows, inputs], of the table's code_bytes each
  std::size_t input_stride;  // bytes
  const Int8Row* info;       // [rows]
  std::size_t rows;
  std::size_t inputs;                        // a multiple of kInt8Padding
  const std::uint8_t* panels[kGroupPanels];  // each [inputs / 4, 16, 4]
  const float* scales[kGroupPanels];         // each [16]
  std::size_t panel_count;                   // 1 … kGroupPanels
  float* sums;                               // [rows, 16 · panel_count]
  std::size_t sums_stride;
};

struct Int8Kernels {
  std::size_t code_bytes;  // of a quantised activation: 1 or 2
  // out = H row: the Hadamard transform of every 8 numbers that lie n / 8 apart, unscaled (‖out‖ =
  // √8 ‖row‖). n is a multiple of 128.
  void (*rotate)(const float* row, std::size_t n, float* out);
  // codes[i] = round(127 row[i] / max |row|), to even; n is a multiple of kInt8Padding.
  Int8Row (*quantize)(const float* row, std::size_t n, std::byte* codes);
  void (*multiply)(const Int8Product&);
};

const Int8Kernels& ScalarInt8Kernels();
const Int8Kernels& Avx2Int8Kernels();
const Int8Kernels& Avx512Int8Kernels();
const Int8Kernels& Avx512VnniInt8Kernels();

// The table of CurrentIsa().
const Int8Kernels& CurrentInt8Kernels();

}  // namespace fovea
