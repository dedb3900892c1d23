#include "lib/kernels/packed_matrix.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>

#include "lib/base/error.h"
#include "lib/base/thread_pool.h"
#include "lib/kernels/block_kernels.h"
#include "lib/kernels/block_matmul.h"
#include "lib/kernels/block_pack.h"
#include "lib/kernels/half.h"
#include "lib/kernels/memory_arena.h"
#include "lib/kernels/packed_state.h"

namespace fovea {
namespace {

constexpr std::size_t kMaxStepInputs = 256;
constexpr std::size_t kPackTask = 1 << 16;  // Bytes of packed weights that are worth a task.

// An F16 panel: [inputs, 16] out of 16 rows of halves.
void PackHalves(const std::byte* rows, std::size_t row_bytes, std::size_t row_count,
                std::size_t inputs, std::byte* panel) {
  for (std::size_t r = 0; r < row_count; ++r) {
    const std::byte* row = rows + r * row_bytes;
    for (std::size_t i = 0; i < inputs; ++i)
      std::memcpy(panel + 2 * (i * kPanelWidth + r), row + 2 * i, 2);
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

// Bytes of one step of one row as files store it.
std::size_t FileBytes(WeightType type) {
  return IsBlockType(type) ? FileStepBytes(type) : PackedStepBytes(type) / kPanelWidth;
}

std::size_t CheckedProduct(std::size_t a, std::size_t b) {
  if (b != 0 && a > std::numeric_limits<std::size_t>::max() / 4 / b) {
    throw Error(ErrorCode::kInvalidArgument,
                "weight matrix of " + std::to_string(a) + " × " + std::to_string(b) +
                    " does not fit in memory; the file's shapes are wrong");
  }
  return a * b;
}

// A panel out of row_count <= 16 rows; lanes past them become zero weights.
void PackPanel(WeightType type, const std::byte* rows, std::size_t row_count, std::size_t inputs,
               std::byte* panel) {
  const std::size_t row_bytes = RowBytes(type, inputs);
  if (type == WeightType::kF32) {
    PackFloats(rows, row_count, inputs, panel);
  } else if (type == WeightType::kF16) {
    PackHalves(rows, row_bytes, row_count, inputs, panel);
  } else {
    PackBlocks(type, rows, row_bytes, row_count, inputs, panel);
  }
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
  return CheckedProduct(inputs / step, FileBytes(type));
}

PackedMatrix::PackedMatrix() : state_(std::make_unique<State>()) {}
PackedMatrix::~PackedMatrix() = default;
PackedMatrix::PackedMatrix(PackedMatrix&&) noexcept = default;
PackedMatrix& PackedMatrix::operator=(PackedMatrix&&) noexcept = default;

PackedMatrix::PackedMatrix(WeightType type, std::span<const std::byte> weights, std::size_t outputs,
                           std::size_t inputs, const PackOptions& options)
    : state_(std::make_unique<State>()) {
  const std::size_t row_bytes = RowBytes(type, inputs);
  if (weights.size() != CheckedProduct(outputs, row_bytes)) {
    throw Error(ErrorCode::kInvalidArgument,
                "weight matrix of " + std::to_string(outputs) + " × " + std::to_string(inputs) +
                    ": " + std::to_string(outputs * row_bytes) + " bytes expected, " +
                    std::to_string(weights.size()) + " given");
  }
  state_->type = type;
  if (IsBlockType(type)) state_->precision = options.precision;
  state_->outputs = outputs;
  state_->inputs = inputs;
  const std::size_t panels = state_->panels();
  state_->panel_bytes = inputs / PackedStepInputs(type) * PackedStepBytes(type);
  const std::size_t bytes = CheckedProduct(panels, state_->panel_bytes);
  if (bytes == 0) return;
  state_->data = AllocateIn(options.arena, bytes);
  // Pages of the last panel that no row reaches must still hold weights, so that no stray value is
  // ever multiplied.
  if (outputs % kPanelWidth != 0)
    std::memset(state_->data.get() + (panels - 1) * state_->panel_bytes, 0, state_->panel_bytes);
  const auto pack = [&](std::size_t begin, std::size_t end) {
    for (std::size_t p = begin; p < end; ++p) {
      const std::size_t row_count = std::min(kPanelWidth, outputs - p * kPanelWidth);
      PackPanel(type, weights.data() + p * kPanelWidth * row_bytes, row_count, inputs,
                state_->data.get() + p * state_->panel_bytes);
    }
  };
  ParallelFor(options.pool, panels, std::max<std::size_t>(kPackTask / state_->panel_bytes, 1),
              pack);
}

std::size_t PackedMatrix::outputs() const { return state_->outputs; }
std::size_t PackedMatrix::inputs() const { return state_->inputs; }
WeightType PackedMatrix::type() const { return state_->type; }
InputPrecision PackedMatrix::precision() const { return state_->precision; }

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
  alignas(64) float step[kMaxStepInputs * kPanelWidth];
  const auto dequantize = FormatKernels(CurrentBlockKernels(), type()).dequantize;
  const std::size_t step_inputs = PackedStepInputs(type());
  for (std::size_t k = 0; k < out.size(); k += step_inputs, panel += PackedStepBytes(type())) {
    dequantize(panel, step_inputs / kBlockInputs, step);
    for (std::size_t i = 0; i < step_inputs; ++i) out[k + i] = step[i * kPanelWidth + lane];
  }
}

}  // namespace fovea
