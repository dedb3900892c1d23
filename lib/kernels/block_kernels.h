// Internal to lib/kernels: products of block formats with quantised activations, one table an
// instruction set. block_format.h draws the packed weights.
//
// Activations are rounded to integers per block of 32, x ≈ scale · q, with q of 8 bits or of 16 (as
// q = 256 · high + low, two planes of bytes). Σ q u over a block is exact in integers on every ISA;
// what is added up in f32 is, block after block in one chain an output,
//
//   sum += (Σ q u) · (weight scale · input scale);  sum += offset · (input scale · Σ q)
//
// so that a row's result is the same bits whatever rows are computed with it.

#pragma once

#include <cstddef>

#include "lib/kernels/block_format.h"

namespace fovea {

// A quantised block of activations: f32 scale, f32 scale · Σ q over the block, over its first 16 and
// over its last 16; then the planes, 32 bytes each, the high one first.
inline constexpr std::size_t kInputHeaderBytes = 16;
constexpr std::size_t QuantizedBlockBytes(std::size_t planes) {
  return kInputHeaderBytes + planes * kBlockInputs;
}

// |q| at most; a plane of bytes never holds −128 twice, so that no product saturates.
constexpr float LargestQuant(std::size_t planes) { return planes == 1 ? 127.0f : 32639.0f; }
// Blocks without a larger activation count as zeros: the inverse of their scale would overflow.
// The scale of one that holds an infinity or a NaN is that, its q are zeros: products become NaN.
inline constexpr float kLeastActivation = 1e-30f;

struct BlockProduct {
  const std::byte* input;    // [rows, blocks] quantised blocks
  std::size_t input_stride;  // bytes
  std::size_t rows;
  std::size_t blocks;
  const std::byte* panels[kGroupPanels];
  std::size_t panel_count;
  float* sums;  // [rows, 16 · panel_count]
  std::size_t sums_stride;
  bool accumulate;  // false: sums are overwritten
};

// Rows up to which panels are multiplied as they are packed, instead of being unpacked first.
inline constexpr std::size_t kFewBlockRows = 4;
// Blocks unpacked at a time, a multiple of every format's step.
inline constexpr std::size_t kUnpackedBlocks = 16;
// Bytes of an unpacked block at most: scales and offsets of two halves, u in two parts.
inline constexpr std::size_t kUnpackedBlockBytes = kPanelWidth * (4 * 4 + 2 * kBlockInputs);

struct BlockKernels {
  // By planes − 1. `inputs` is a multiple of 32.
  void (*quantize_row[2])(const float* row, std::size_t inputs, std::byte* out);

  struct Format {
    // By planes − 1: any number of rows, straight from packed panels, and from unpacked ones.
    void (*multiply_packed[2])(const BlockProduct&);
    void (*multiply_unpacked[2])(const BlockProduct&);
    // A part of a panel for multiply_unpacked: at most kUnpackedBlocks blocks, from a step's start.
    void (*unpack)(const std::byte* packed, std::size_t blocks, std::byte* unpacked);
    // panel[32 · blocks, 16] in f32
    void (*dequantize)(const std::byte* packed, std::size_t blocks, float* panel);
  };
  Format q8_0, q4_0, q4_1, q5_0, q5_1, q4_k, q5_k, q6_k;
};

const BlockKernels& ScalarBlockKernels();
const BlockKernels& Avx2BlockKernels();
const BlockKernels& Avx512BlockKernels();
const BlockKernels& Avx512VnniBlockKernels();

// The table of CurrentIsa().
const BlockKernels& CurrentBlockKernels();

}  // namespace fovea
