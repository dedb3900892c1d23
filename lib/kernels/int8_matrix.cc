#include "lib/kernels/int8_matrix.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "lib/base/error.h"
#include "lib/base/thread_pool.h"
#include "lib/kernels/int8_state.h"

namespace fovea {
namespace {

constexpr std::size_t kRotation = 128;  // `inputs` must be a multiple: eight whole vectors
constexpr std::size_t kMostInputs = 65'536;
static_assert(kMostInputs * 127 * 255 < (std::size_t{1} << 31));

// Quantises rows of one matrix one after the other.
class RowQuantizer {
 public:
  RowQuantizer(const Int8Matrix::State& weights, const Int8Kernels& kernels)
      : weights_(weights), kernels_(kernels), scratch_(1, weights.padded) {}

  // row [inputs] to codes [padded].
  Int8Row Quantize(const float* row, std::byte* codes) {
    float* scratch = scratch_.data();
    if (weights_.rotated) {
      kernels_.rotate(row, weights_.inputs, scratch);
    } else {
      std::copy_n(row, weights_.inputs, scratch);
      std::fill(scratch + weights_.inputs, scratch + weights_.padded, 0.0f);
    }
    return kernels_.quantize(scratch, weights_.padded, codes);
  }

 private:
  const Int8Matrix::State& weights_;
  const Int8Kernels& kernels_;
  Matrix scratch_;
};

// The bytes of output `lane` of a panel.
template <typename Code>
void PackRow(const std::byte* codes, std::size_t inputs, std::size_t lane, std::uint8_t* panel) {
  for (std::size_t k = 0; k < inputs; k += kInt8Step) {
    Code step[kInt8Step];
    std::memcpy(step, codes + k * sizeof(Code), sizeof step);
    std::uint8_t* out = panel + k * kPanelWidth + lane * kInt8Step;
    for (std::size_t i = 0; i < kInt8Step; ++i)
      out[i] = static_cast<std::uint8_t>(step[i] + kInt8WeightOffset);
  }
}

void QuantizePanel(std::span<const float> weights, const Int8Kernels& kernels, std::size_t p,
                   Int8Matrix::State& state) {
  RowQuantizer quantizer(state, kernels);
  std::vector<std::byte> codes(state.padded * kernels.code_bytes);
  std::uint8_t* panel = state.panel(p);
  const std::size_t rows = std::min(kPanelWidth, state.outputs - p * kPanelWidth);
  if (rows < kPanelWidth) {
    std::memset(panel, kInt8WeightOffset, state.padded * kPanelWidth);
    std::fill_n(state.scales.data() + p * kPanelWidth, kPanelWidth, 0.0f);
  }
  for (std::size_t lane = 0; lane < rows; ++lane) {
    const std::size_t output = p * kPanelWidth + lane;
    const Int8Row row = quantizer.Quantize(weights.data() + output * state.inputs, codes.data());
    // Both sides were transformed without a scale: their products have become eight times as large.
    state.scales.data()[output] = state.rotated ? row.scale / 8 : row.scale;
    if (kernels.code_bytes == 1) {
      PackRow<std::int8_t>(codes.data(), state.padded, lane, panel);
    } else {
      PackRow<std::int16_t>(codes.data(), state.padded, lane, panel);
    }
  }
}

}  // namespace

Int8Rows::Int8Rows(ConstMatrixView input, const Int8Matrix::State& weights,
                   const Int8Kernels& kernels, ThreadPool* pool)
    : stride_(weights.padded * kernels.code_bytes),
      codes_(input.rows, stride_ / sizeof(float)),
      info_(input.rows, sizeof(Int8Row) / sizeof(float)) {
  const auto body = [&](std::size_t begin, std::size_t end) {
    RowQuantizer quantizer(weights, kernels);
    for (std::size_t r = begin; r < end; ++r) {
      const Int8Row info = quantizer.Quantize(
          input.row(r), reinterpret_cast<std::byte*>(codes_.data()) + r * stride_);
      std::memcpy(info_.row(r).data(), &info, sizeof info);
    }
  };
  // About as much as a task of a product.
  constexpr std::size_t kTaskNumbers = 1 << 15;
  ParallelFor(pool, input.rows, kTaskNumbers / std::max<std::size_t>(input.cols, 1) + 1, body);
}

Int8Matrix::Int8Matrix() : state_(std::make_unique<State>()) {}
Int8Matrix::~Int8Matrix() = default;
Int8Matrix::Int8Matrix(Int8Matrix&&) noexcept = default;
Int8Matrix& Int8Matrix::operator=(Int8Matrix&&) noexcept = default;

Int8Matrix Int8Matrix::Quantize(std::span<const float> weights, std::size_t outputs,
                                std::size_t inputs, ThreadPool* pool) {
  const bool fits = inputs == 0
                        ? weights.empty()
                        : weights.size() % inputs == 0 && weights.size() / inputs == outputs;
  if (!fits || inputs > kMostInputs) {
    throw Error(ErrorCode::kInvalidArgument,
                "int8 weights of " + std::to_string(outputs) + " × " + std::to_string(inputs) +
                    " out of " + std::to_string(weights.size()) + " numbers; at most " +
                    std::to_string(kMostInputs) + " inputs are possible");
  }
  Int8Matrix matrix;
  State& state = *matrix.state_;
  state.outputs = outputs;
  state.inputs = inputs;
  state.padded = RoundUp(inputs, kInt8Padding);
  state.rotated = inputs > 0 && inputs % kRotation == 0;
  const std::size_t panels = state.panels();
  state.bytes = Matrix(panels, state.padded * kPanelWidth / sizeof(float));
  state.scales = Matrix(1, panels * kPanelWidth);
  const Int8Kernels& kernels = CurrentInt8Kernels();
  const auto body = [&](std::size_t begin, std::size_t end) {
    for (std::size_t p = begin; p < end; ++p) QuantizePanel(weights, kernels, p, state);
  };
  ParallelFor(pool, panels, 4, body);
  return matrix;
}

std::size_t Int8Matrix::outputs() const { return state_->outputs; }
std::size_t Int8Matrix::inputs() const { return state_->inputs; }

}  // namespace fovea
