#include "lib/kernels/block_pack.h"

#include <cstdint>
#include <cstring>

namespace fovea {
namespace {

using Byte = std::uint8_t;

constexpr std::size_t kSuperBlocks = 8;
constexpr std::size_t kSuperInputs = kSuperBlocks * kBlockInputs;

// One step of one row, its u in the order of the packed block but for the interleaving of outputs:
// nibbles [blocks][16], low half: inputs 0 … 15 of the block, or bytes [blocks][32].
struct Step {
  Byte halves[4];                 // f16: scale or d, minimum or m
  Byte scales[2 * kSuperBlocks];  // K: s by block, Q6_K by half of a block
  Byte minimums[kSuperBlocks];    // K: t by block
  const Byte* quants;             // in the file, or `unpacked`
  Byte unpacked[kSuperInputs];
};

void SetHalves(const Byte* first, const Byte* second, Step& step) {
  std::memcpy(step.halves, first, 2);
  std::memcpy(step.halves + 2, second, 2);
}

// Q8_0: d, int8 [32]. u = q + 128.
void ReadQ80(const Byte* file, Step& step) {
  SetHalves(file, file, step);
  for (std::size_t i = 0; i < kBlockInputs; ++i)
    step.unpacked[i] = static_cast<Byte>(file[2 + i] ^ 0x80);
  step.quants = step.unpacked;
}

// Q5_0, Q5_1: the fifth bits of the 32 weights, then nibbles as in Q4_0.
void AddFifthBits(const Byte* bits, const Byte* nibbles, Step& step) {
  for (std::size_t i = 0; i < kBlockInputs; ++i) {
    const int low = i < 16 ? nibbles[i] & 15 : nibbles[i - 16] >> 4;
    step.unpacked[i] = static_cast<Byte>(low | ((bits[i / 8] >> i % 8) & 1) << 4);
  }
  step.quants = step.unpacked;
}

// Q4_K and Q5_K pack eight 6-bit scales and minimums into 12 bytes: the first four whole, the upper
// two bits of the last four in the spare bits of those.
void ReadSixBitScales(const Byte* packed, Step& step) {
  for (std::size_t i = 0; i < 4; ++i) {
    step.scales[i] = packed[i] & 63;
    step.minimums[i] = packed[4 + i] & 63;
    step.scales[4 + i] = static_cast<Byte>((packed[8 + i] & 15) | packed[i] >> 6 << 4);
    step.minimums[4 + i] = static_cast<Byte>(packed[8 + i] >> 4 | packed[4 + i] >> 6 << 4);
  }
}

// Q4_K: d, m, scales, nibbles [4][32]: two blocks share 32 bytes, the first in their low halves.
void ReadQ4K(const Byte* file, Step& step) {
  SetHalves(file, file + 2, step);
  ReadSixBitScales(file + 4, step);
  for (std::size_t b = 0; b < kSuperBlocks; ++b) {
    const Byte* pair = file + 16 + b / 2 * 32;
    const std::size_t shift = b % 2 * 4;
    for (std::size_t i = 0; i < 16; ++i) {
      step.unpacked[16 * b + i] =
          static_cast<Byte>(((pair[i] >> shift) & 15) | ((pair[16 + i] >> shift) & 15) << 4);
    }
  }
  step.quants = step.unpacked;
}

// Q5_K: d, m, scales, fifth bits [32] (bit b of a byte: block b), nibbles as in Q4_K.
void ReadQ5K(const Byte* file, Step& step) {
  SetHalves(file, file + 2, step);
  ReadSixBitScales(file + 4, step);
  for (std::size_t b = 0; b < kSuperBlocks; ++b) {
    const Byte* pair = file + 48 + b / 2 * 32;
    for (std::size_t i = 0; i < kBlockInputs; ++i) {
      step.unpacked[kBlockInputs * b + i] = static_cast<Byte>(
          ((pair[i] >> b % 2 * 4) & 15) | ((file[16 + i] >> b) & 1) << 4);
    }
  }
  step.quants = step.unpacked;
}

// Q6_K: nibbles [2][64], upper two bits [2][32], scales int8 [16], d. Of 128 inputs, block b has its
// nibbles in bytes 32 (b mod 2) …, in the high half from the third on, and its bits at 2b.
void ReadQ6K(const Byte* file, Step& step) {
  SetHalves(file + 208, file + 208, step);
  std::memcpy(step.scales, file + 192, sizeof step.scales);
  for (std::size_t b = 0; b < kSuperBlocks; ++b) {
    const Byte* nibbles = file + b / 4 * 64 + b % 2 * 32;
    const Byte* bits = file + 128 + b / 4 * 32;
    for (std::size_t i = 0; i < kBlockInputs; ++i) {
      step.unpacked[kBlockInputs * b + i] = static_cast<Byte>(
          ((nibbles[i] >> b % 4 / 2 * 4) & 15) | ((bits[i] >> 2 * (b % 4)) & 3) << 4);
    }
  }
  step.quants = step.unpacked;
}

void ReadStep(WeightType type, const Byte* file, Step& step) {
  switch (type) {
    case WeightType::kQ4_0:
      SetHalves(file, file, step);
      step.quants = file + 2;
      return;
    case WeightType::kQ4_1:
      SetHalves(file, file + 2, step);
      step.quants = file + 4;
      return;
    case WeightType::kQ5_0:
      SetHalves(file, file, step);
      return AddFifthBits(file + 2, file + 6, step);
    case WeightType::kQ5_1:
      SetHalves(file, file + 2, step);
      return AddFifthBits(file + 4, file + 8, step);
    case WeightType::kQ4_K:
      return ReadQ4K(file, step);
    case WeightType::kQ5_K:
      return ReadQ5K(file, step);
    case WeightType::kQ6_K:
      return ReadQ6K(file, step);
    default:
      return ReadQ80(file, step);
  }
}

// One lane of a packed step (block_format.h draws it).
void WriteStep(const BlockFormat& format, const Step& step, std::size_t lane, Byte* packed) {
  const bool minimum = format.header == BlockHeader::kSuperMinimum;
  if (format.super()) {
    std::memcpy(packed + 2 * lane, step.halves, 2);
    if (minimum) std::memcpy(packed + 2 * (kPanelWidth + lane), step.halves + 2, 2);
  }
  const std::size_t row_bytes = format.nibbles ? kBlockInputs / 2 : kBlockInputs;
  for (std::size_t b = 0; b < format.step_blocks(); ++b) {
    Byte* block = packed + format.step_header_bytes() + b * format.block_bytes();
    if (!format.super()) {
      std::memcpy(block + 2 * lane, step.halves, 2);
      if (format.header == BlockHeader::kScaleMinimum)
        std::memcpy(block + 2 * (kPanelWidth + lane), step.halves + 2, 2);
    } else {
      block[lane] = step.scales[minimum ? b : 2 * b];
      block[kPanelWidth + lane] = minimum ? step.minimums[b] : step.scales[2 * b + 1];
    }
    Byte* quants = block + format.block_header_bytes() + 4 * lane;
    for (std::size_t i = 0; i < row_bytes; i += 4)
      std::memcpy(quants + i * kPanelWidth, step.quants + b * row_bytes + i, 4);
  }
}

}  // namespace

std::size_t FileStepBytes(WeightType type) {
  switch (type) {
    case WeightType::kQ4_0:
      return 18;
    case WeightType::kQ4_1:
      return 20;
    case WeightType::kQ5_0:
      return 22;
    case WeightType::kQ5_1:
      return 24;
    case WeightType::kQ4_K:
      return 144;
    case WeightType::kQ5_K:
      return 176;
    case WeightType::kQ6_K:
      return 210;
    default:
      return 34;
  }
}

void PackBlocks(WeightType type, const std::byte* rows, std::size_t row_bytes,
                std::size_t row_count, std::size_t inputs, std::byte* panel) {
  const BlockFormat format = BlockFormatOf(type);
  const std::size_t steps = inputs / (format.step_blocks() * kBlockInputs);
  const auto* file = reinterpret_cast<const Byte*>(rows);
  auto* packed = reinterpret_cast<Byte*>(panel);
  if (row_count < kPanelWidth) std::memset(packed, 0, steps * format.step_bytes());
  for (std::size_t s = 0; s < steps; ++s) {
    for (std::size_t lane = 0; lane < row_count; ++lane) {
      Step step;
      ReadStep(type, file + lane * row_bytes + s * FileStepBytes(type), step);
      WriteStep(format, step, lane, packed + s * format.step_bytes());
    }
  }
}

}  // namespace fovea
