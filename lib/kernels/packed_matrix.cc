#include "lib/kernels/packed_matrix.h"

#include <cstdint>
#include <cstring>
#include <limits>
#include <new>
#include <string>

#include "lib/base/error.h"
#include "lib/kernels/half.h"
#include "lib/kernels/packed_state.h"

namespace fovea {
namespace {

// Bytes of 32 weights of one row as GGUF stores them: scale f16, minimum f16 (Q4_1), then the
// weights.
constexpr std::size_t BlockBytes(WeightType type) { return PackedStepBytes(type) / kPanelWidth; }

constexpr std::size_t HeaderBytes(WeightType type) { return type == WeightType::kQ4_1 ? 4 : 2; }

bool IsBlockType(WeightType type) { return PackedStepInputs(type) > 1; }

// An F16 panel: [inputs, 16] out of 16 rows of halves.
void PackHalves(const std::byte* rows, std::size_t row_bytes, std::size_t row_count,
                std::size_t inputs, std::byte* panel) {
  for (std::size_t r = 0; r < row_count; ++r) {
    const std::byte* row = rows + r * row_bytes;
    for (std::size_t i = 0; i < inputs; ++i)
      std::memcpy(panel + 2 * (i * kPanelWidth + r), row + 2 * i, 2);
  }
}

// out[j, r] = rows[r][j] for 16 × 8 bytes: the rows are read as words, the transposition stays in
// registers.
void TransposeBytes(const std::byte* const* rows, std::size_t count, std::byte* out) {
  for (std::size_t j = 0; j < count; j += 8) {
    std::byte block[kPanelWidth][8];
    for (std::size_t r = 0; r < kPanelWidth; ++r) std::memcpy(block[r], rows[r] + j, 8);
    for (std::size_t i = 0; i < 8; ++i) {
      for (std::size_t r = 0; r < kPanelWidth; ++r) out[(j + i) * kPanelWidth + r] = block[r][i];
    }
  }
}

// A panel of blocks. Rows past row_count are zero weights: scale 0 (and minimum 0).
void PackBlocks(WeightType type, const std::byte* rows, std::size_t row_bytes,
                std::size_t row_count, std::size_t inputs, std::byte* panel) {
  const std::size_t block_bytes = BlockBytes(type);
  const std::size_t header = HeaderBytes(type);
  const std::byte zeros[kPanelWidth * 4] = {};
  for (std::size_t b = 0; b < inputs / kBlockInputs; ++b) {
    const std::byte* weights[kPanelWidth];
    for (std::size_t r = 0; r < kPanelWidth; ++r) {
      const std::byte* block = r < row_count ? rows + r * row_bytes + b * block_bytes : zeros;
      for (std::size_t h = 0; h < header; h += 2)
        std::memcpy(panel + h * kPanelWidth + 2 * r, block + h, 2);
      weights[r] = block + header;
    }
    panel += header * kPanelWidth;
    TransposeBytes(weights, block_bytes - header, panel);
    panel += (block_bytes - header) * kPanelWidth;
  }
}

void PackFloats(const std::byte* rows, std::size_t row_count, std::size_t inputs,
                std::byte* panel) {
  float* out = reinterpret_cast<float*>(panel);
  if (reinterpret_cast<std::uintptr_t>(rows) % alignof(float) == 0) {
    CurrentKernels().pack_panel(reinterpret_cast<const float*>(rows), inputs, row_count, inputs,
                                out);
    return;
  }
  for (std::size_t r = 0; r < row_count; ++r) {
    for (std::size_t i = 0; i < inputs; ++i) {
      std::memcpy(out + i * kPanelWidth + r, rows + (r * inputs + i) * sizeof(float),
                  sizeof(float));
    }
  }
}

std::size_t CheckedProduct(std::size_t a, std::size_t b) {
  if (b != 0 && a > std::numeric_limits<std::size_t>::max() / 4 / b) {
    throw Error(ErrorCode::kInvalidArgument,
                "weight matrix of " + std::to_string(a) + " × " + std::to_string(b) +
                    " does not fit in memory; the file's shapes are wrong");
  }
  return a * b;
}

float ReadHalf(const std::byte* p) {
  std::uint16_t half;
  std::memcpy(&half, p, sizeof(half));
  return HalfToFloat(half);
}

}  // namespace

std::size_t RowBytes(WeightType type, std::size_t inputs) {
  const std::size_t step = PackedStepInputs(type);
  if (inputs % step != 0) {
    throw Error(ErrorCode::kInvalidArgument,
                "a row of " + std::to_string(inputs) + " weights is not made of whole blocks of " +
                    std::to_string(step) + "; the file's shapes are wrong");
  }
  return CheckedProduct(inputs / step, BlockBytes(type));
}

PackedMatrix::PackedMatrix() : state_(std::make_unique<State>()) {}
PackedMatrix::~PackedMatrix() = default;
PackedMatrix::PackedMatrix(PackedMatrix&&) noexcept = default;
PackedMatrix& PackedMatrix::operator=(PackedMatrix&&) noexcept = default;

PackedMatrix::PackedMatrix(WeightType type, std::span<const std::byte> weights, std::size_t outputs,
                           std::size_t inputs)
    : state_(std::make_unique<State>()) {
  const std::size_t row_bytes = RowBytes(type, inputs);
  if (weights.size() != CheckedProduct(outputs, row_bytes)) {
    throw Error(ErrorCode::kInvalidArgument,
                "weight matrix of " + std::to_string(outputs) + " × " + std::to_string(inputs) +
                    ": " + std::to_string(outputs * row_bytes) + " bytes expected, " +
                    std::to_string(weights.size()) + " given");
  }
  state_->type = type;
  state_->outputs = outputs;
  state_->inputs = inputs;
  const std::size_t panels = state_->panels();
  state_->panel_bytes = inputs / PackedStepInputs(type) * PackedStepBytes(type);
  const std::size_t bytes = CheckedProduct(panels, state_->panel_bytes);
  if (bytes == 0) return;
  state_->data.reset(static_cast<std::byte*>(std::aligned_alloc(64, (bytes + 63) / 64 * 64)));
  if (!state_->data) throw std::bad_alloc();
  // Pages of the last panel that no row reaches must still hold weights, so that no stray value is
  // ever multiplied.
  if (outputs % kPanelWidth != 0)
    std::memset(state_->data.get() + (panels - 1) * state_->panel_bytes, 0, state_->panel_bytes);
  for (std::size_t p = 0; p < panels; ++p) {
    const std::byte* rows = weights.data() + p * kPanelWidth * row_bytes;
    const std::size_t row_count = p + 1 < panels ? kPanelWidth : outputs - p * kPanelWidth;
    std::byte* panel = state_->data.get() + p * state_->panel_bytes;
    if (type == WeightType::kF32) {
      PackFloats(rows, row_count, inputs, panel);
    } else if (IsBlockType(type)) {
      PackBlocks(type, rows, row_bytes, row_count, inputs, panel);
    } else {
      PackHalves(rows, row_bytes, row_count, inputs, panel);
    }
  }
}

std::size_t PackedMatrix::outputs() const { return state_->outputs; }
std::size_t PackedMatrix::inputs() const { return state_->inputs; }
WeightType PackedMatrix::type() const { return state_->type; }

void PackedMatrix::DequantizeRow(std::size_t output, std::span<float> out) const {
  if (output >= outputs() || out.size() != inputs()) {
    throw Error(ErrorCode::kInvalidArgument,
                "row " + std::to_string(output) + " of a weight matrix of " +
                    std::to_string(outputs()) + " × " + std::to_string(inputs()) + " into " +
                    std::to_string(out.size()) + " numbers");
  }
  const std::byte* panel = state_->panel(output / kPanelWidth);
  const std::size_t lane = output % kPanelWidth;
  if (type() == WeightType::kF32) {
    const float* weights = reinterpret_cast<const float*>(panel);
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = weights[i * kPanelWidth + lane];
    return;
  }
  if (type() == WeightType::kF16) {
    for (std::size_t i = 0; i < out.size(); ++i)
      out[i] = ReadHalf(panel + 2 * (i * kPanelWidth + lane));
    return;
  }
  const std::size_t header = HeaderBytes(type());
  for (std::size_t k = 0; k < out.size(); k += kBlockInputs, panel += PackedStepBytes(type())) {
    const float scale = ReadHalf(panel + 2 * lane);
    const float minimum = header == 4 ? ReadHalf(panel + 2 * (kPanelWidth + lane)) : 0.0f;
    const std::byte* bytes = panel + header * kPanelWidth + lane;
    const float zero = type() == WeightType::kQ4_0 ? 8.0f : 0.0f;
    for (std::size_t i = 0; i < kBlockInputs; ++i) {
      if (type() == WeightType::kQ8_0) {
        out[k + i] = scale * static_cast<float>(static_cast<std::int8_t>(bytes[i * kPanelWidth]));
        continue;
      }
      const int byte = static_cast<int>(bytes[i % 16 * kPanelWidth]);
      out[k + i] = scale * (static_cast<float>(i < 16 ? byte & 15 : byte >> 4) - zero) + minimum;
    }
  }
}

}  // namespace fovea
