// Internal to lib/kernels: how packed panels hold GGUF's block formats.
//
// A panel is 16 outputs; along the inputs it is a row of blocks of 32. In every format a weight is
//
//   w = scale · u + offset,  u an unsigned integer of 4 to 8 bits,
//
// where scale and offset belong to an output and a block (Q6_K: to 16 inputs). The u of a block lie
// as [group of 4 inputs][16 outputs][4 inputs], so that one register holds four neighbouring inputs
// of an output in each 32-bit lane, as the instructions that multiply bytes want them:
//
//   nibbles [4][16][4]  byte (g, o, i): input 4g + i in its low half, 16 + 4g + i in its high half
//   bytes   [8][16][4]  byte (g, o, i): input 4g + i
//
// Headers stand before the u. `zero` is the u that stands for weight 0 where a format has no
// minimum.
//
//   kScale         block: scale f16 [16]                        offset = −zero · scale
//   kScaleMinimum  block: scale f16 [16], minimum f16 [16]      offset = minimum
//   kSuperMinimum  eight blocks: d f16 [16], m f16 [16];
//                  block: s u8 [16], t u8 [16]                  scale = d · s, offset = −m · t
//   kSuperScale    eight blocks: d f16 [16];
//                  block: s int8 [2 halves][16]                 scale = d · s, offset = −zero · scale

#pragma once

#include <cstddef>

#include "lib/kernels/kernel_table.h"
#include "lib/kernels/weight_type.h"

namespace fovea {

enum class BlockHeader { kScale, kScaleMinimum, kSuperMinimum, kSuperScale };

struct BlockFormat {
  bool nibbles;
  BlockHeader header;
  int zero;

  constexpr bool super() const {
    return header == BlockHeader::kSuperMinimum || header == BlockHeader::kSuperScale;
  }
  // Blocks that share a super header; a step is these blocks.
  constexpr std::size_t step_blocks() const { return super() ? 8 : 1; }
  constexpr std::size_t step_header_bytes() const {
    return kPanelWidth * (header == BlockHeader::kSuperMinimum ? 4
                          : header == BlockHeader::kSuperScale ? 2
                                                               : 0);
  }
  constexpr std::size_t block_header_bytes() const {
    return kPanelWidth * (header == BlockHeader::kScaleMinimum ? 4 : 2);
  }
  constexpr std::size_t block_bytes() const {
    return block_header_bytes() + kPanelWidth * kBlockInputs / (nibbles ? 2 : 1);
  }
  constexpr std::size_t step_bytes() const {
    return step_header_bytes() + step_blocks() * block_bytes();
  }
  // Runs of a block with a scale of their own.
  constexpr std::size_t halves() const { return header == BlockHeader::kSuperScale ? 2 : 1; }
};

// Not for F32 and F16, which have no blocks.
constexpr BlockFormat BlockFormatOf(WeightType type) {
  switch (type) {
    case WeightType::kQ4_0:
      return {true, BlockHeader::kScale, 8};
    case WeightType::kQ4_1:
      return {true, BlockHeader::kScaleMinimum, 0};
    case WeightType::kQ5_0:
      return {false, BlockHeader::kScale, 16};
    case WeightType::kQ5_1:
      return {false, BlockHeader::kScaleMinimum, 0};
    case WeightType::kQ4_K:
      return {true, BlockHeader::kSuperMinimum, 0};
    case WeightType::kQ5_K:
      return {false, BlockHeader::kSuperMinimum, 0};
    case WeightType::kQ6_K:
      return {false, BlockHeader::kSuperScale, 32};
    case WeightType::kQ8_0:
    default:
      return {false, BlockHeader::kScale, 128};
  }
}

constexpr bool IsBlockType(WeightType type) {
  return type != WeightType::kF32 && type != WeightType::kF16;
}

}  // namespace fovea
