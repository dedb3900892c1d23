// Portable block products, and the plainest statement of what each format means.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "lib/kernels/block_kernels.h"
#include "lib/kernels/half.h"
#include "lib/kernels/magnitude.h"

namespace fovea {
namespace {

// What `unpack` writes here: a block of a panel, w = scale · u + offset.
struct Block {
  float scale[2][kPanelWidth];
  float offset[2][kPanelWidth];
  std::uint8_t u[kBlockInputs][kPanelWidth];
};
static_assert(sizeof(Block) <= kUnpackedBlockBytes);

float ReadHalf(const std::byte* p) {
  std::uint16_t half;
  std::memcpy(&half, p, sizeof(half));
  return HalfToFloat(half);
}

float Unsigned(std::byte byte) { return static_cast<float>(byte); }
float Signed(std::byte byte) { return static_cast<float>(static_cast<std::int8_t>(byte)); }

void ReadHeader(const BlockFormat& format, const std::byte* step, const std::byte* block,
                std::size_t half, std::size_t lane, float* scale, float* offset) {
  switch (format.header) {
    case BlockHeader::kScale:
      *scale = ReadHalf(block + 2 * lane);
      break;
    case BlockHeader::kScaleMinimum:
      *scale = ReadHalf(block + 2 * lane);
      *offset = ReadHalf(block + 2 * (kPanelWidth + lane));
      return;
    case BlockHeader::kSuperMinimum:
      *scale = ReadHalf(step + 2 * lane) * Unsigned(block[lane]);
      *offset = -ReadHalf(step + 2 * (kPanelWidth + lane)) * Unsigned(block[kPanelWidth + lane]);
      return;
    case BlockHeader::kSuperScale:
      *scale = ReadHalf(step + 2 * lane) * Signed(block[half * kPanelWidth + lane]);
      break;
  }
  *offset = *scale * static_cast<float>(-format.zero);
}

Block ReadBlock(const BlockFormat& format, const std::byte* step, std::size_t place) {
  const std::byte* block = step + format.step_header_bytes() + place * format.block_bytes();
  const std::byte* quants = block + format.block_header_bytes();
  Block read;
  for (std::size_t lane = 0; lane < kPanelWidth; ++lane) {
    for (std::size_t half = 0; half < 2; ++half) {
      ReadHeader(format, step, block, std::min(half, format.halves() - 1), lane,
                 &read.scale[half][lane], &read.offset[half][lane]);
    }
    for (std::size_t i = 0; i < kBlockInputs; ++i) {
      const std::size_t stored = format.nibbles ? i % 16 : i;
      const auto byte =
          static_cast<unsigned>(quants[(stored / 4 * kPanelWidth + lane) * 4 + stored % 4]);
      read.u[i][lane] = static_cast<std::uint8_t>(!format.nibbles ? byte
                                                  : i < 16        ? byte & 15
                                                                  : byte >> 4);
    }
  }
  return read;
}

void Unpack(const BlockFormat& format, const std::byte* packed, std::size_t blocks, Block* out) {
  for (std::size_t b = 0; b < blocks; ++b) {
    const std::size_t step = b / format.step_blocks();
    out[b] = ReadBlock(format, packed + step * format.step_bytes(), b % format.step_blocks());
  }
}

// Adds Σ over inputs [begin, end) of a block to the sums of one row.
template <std::size_t kPlanes>
void AddRun(const Block& block, std::size_t half, std::size_t begin, std::size_t end, float sum,
            const std::byte* input, float* sums) {
  std::int32_t total[kPanelWidth] = {};
  for (std::size_t i = begin; i < end; ++i) {
    const std::byte* q = input + kInputHeaderBytes + i;
    std::int32_t x = static_cast<std::int8_t>(*q);
    if (kPlanes == 2) x = 256 * x + static_cast<std::int8_t>(q[kBlockInputs]);
    for (std::size_t lane = 0; lane < kPanelWidth; ++lane) total[lane] += x * block.u[i][lane];
  }
  float scale;
  std::memcpy(&scale, input, sizeof scale);
  for (std::size_t lane = 0; lane < kPanelWidth; ++lane) {
    sums[lane] += static_cast<float>(total[lane]) * (block.scale[half][lane] * scale);
    sums[lane] += block.offset[half][lane] * sum;
  }
}

template <std::size_t kPlanes>
void AddBlock(const Block& block, std::size_t halves, const std::byte* input, float* sums) {
  float header[4];
  std::memcpy(header, input, sizeof header);
  if (halves == 1) return AddRun<kPlanes>(block, 0, 0, kBlockInputs, header[1], input, sums);
  AddRun<kPlanes>(block, 0, 0, kBlockInputs / 2, header[2], input, sums);
  AddRun<kPlanes>(block, 1, kBlockInputs / 2, kBlockInputs, header[3], input, sums);
}

// block_at(panel, b): the block.
template <std::size_t kPlanes, typename BlockAt>
void Multiply(const BlockProduct& product, std::size_t halves, const BlockAt& block_at) {
  for (std::size_t p = 0; p < product.panel_count; ++p) {
    for (std::size_t r = 0; r < product.rows && !product.accumulate; ++r)
      std::fill_n(product.sums + r * product.sums_stride + p * kPanelWidth, kPanelWidth, 0.0f);
    for (std::size_t b = 0; b < product.blocks; ++b) {
      const Block& block = block_at(p, b);
      for (std::size_t r = 0; r < product.rows; ++r) {
        AddBlock<kPlanes>(
            block, halves,
            product.input + r * product.input_stride + b * QuantizedBlockBytes(kPlanes),
            product.sums + r * product.sums_stride + p * kPanelWidth);
      }
    }
  }
}

template <WeightType kType, std::size_t kPlanes>
void MultiplyUnpacked(const BlockProduct& product) {
  Multiply<kPlanes>(product, BlockFormatOf(kType).halves(),
                    [&](std::size_t p, std::size_t b) -> const Block& {
                      return reinterpret_cast<const Block*>(product.panels[p])[b];
                    });
}

template <WeightType kType, std::size_t kPlanes>
void MultiplyPacked(const BlockProduct& product) {
  constexpr BlockFormat kFormat = BlockFormatOf(kType);
  Block block;
  Multiply<kPlanes>(
      product, kFormat.halves(), [&](std::size_t p, std::size_t b) -> const Block& {
        const std::size_t step = b / kFormat.step_blocks() * kFormat.step_bytes();
        block = ReadBlock(kFormat, product.panels[p] + step, b % kFormat.step_blocks());
        return block;
      });
}

template <WeightType kType>
void UnpackBlocks(const std::byte* packed, std::size_t blocks, std::byte* unpacked) {
  Unpack(BlockFormatOf(kType), packed, blocks, reinterpret_cast<Block*>(unpacked));
}

template <WeightType kType>
void DequantizeBlocks(const std::byte* packed, std::size_t blocks, float* panel) {
  constexpr BlockFormat kFormat = BlockFormatOf(kType);
  for (std::size_t b = 0; b < blocks; ++b) {
    const Block block = ReadBlock(kFormat, packed + b / kFormat.step_blocks() * kFormat.step_bytes(),
                                  b % kFormat.step_blocks());
    for (std::size_t i = 0; i < kBlockInputs; ++i) {
      for (std::size_t lane = 0; lane < kPanelWidth; ++lane) {
        *panel++ = block.scale[i / 16][lane] * static_cast<float>(block.u[i][lane]) +
                   block.offset[i / 16][lane];
      }
    }
  }
}

template <std::size_t kPlanes>
void QuantizeBlock(const float* row, std::byte* out) {
  const float most = LargestMagnitude(row, kBlockInputs);
  const bool counts = most >= kLeastActivation && std::isfinite(most);
  const float inverse = counts ? LargestQuant(kPlanes) / most : 0;
  float header[4] = {most < kLeastActivation ? 0 : most / LargestQuant(kPlanes), 0, 0, 0};
  int halves[2] = {};
  for (std::size_t i = 0; i < kBlockInputs; ++i) {
    const int q = counts ? static_cast<int>(std::nearbyint(row[i] * inverse)) : 0;
    halves[i / 16] += q;
    std::byte* quants = out + kInputHeaderBytes + i;
    if (kPlanes == 2) quants[0] = static_cast<std::byte>((q + 128) >> 8);
    quants[kPlanes == 2 ? kBlockInputs : 0] = static_cast<std::byte>(q);
  }
  header[1] = header[0] * static_cast<float>(halves[0] + halves[1]);
  header[2] = header[0] * static_cast<float>(halves[0]);
  header[3] = header[0] * static_cast<float>(halves[1]);
  std::memcpy(out, header, sizeof header);
}

template <std::size_t kPlanes>
void QuantizeRow(const float* row, std::size_t inputs, std::byte* out) {
  for (std::size_t k = 0; k < inputs; k += kBlockInputs, out += QuantizedBlockBytes(kPlanes))
    QuantizeBlock<kPlanes>(row + k, out);
}

template <WeightType kType>
constexpr BlockKernels::Format FormatKernels() {
  return {.multiply_packed = {MultiplyPacked<kType, 1>, MultiplyPacked<kType, 2>},
          .multiply_unpacked = {MultiplyUnpacked<kType, 1>, MultiplyUnpacked<kType, 2>},
          .unpack = UnpackBlocks<kType>,
          .dequantize = DequantizeBlocks<kType>};
}

}  // namespace

const BlockKernels& ScalarBlockKernels() {
  static constexpr BlockKernels table = {
      .quantize_row = {QuantizeRow<1>, QuantizeRow<2>},
      .q8_0 = FormatKernels<WeightType::kQ8_0>(),
      .q4_0 = FormatKernels<WeightType::kQ4_0>(),
      .q4_1 = FormatKernels<WeightType::kQ4_1>(),
      .q5_0 = FormatKernels<WeightType::kQ5_0>(),
      .q5_1 = FormatKernels<WeightType::kQ5_1>(),
      .q4_k = FormatKernels<WeightType::kQ4_K>(),
      .q5_k = FormatKernels<WeightType::kQ5_K>(),
      .q6_k = FormatKernels<WeightType::kQ6_K>(),
  };
  return table;
}

}  // namespace fovea
