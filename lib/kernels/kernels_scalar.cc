// Portable kernels: what every CPU runs if nothing better is there, and the plainest statement of
// what each computes.

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "lib/kernels/half.h"
#include "lib/kernels/kernel_table.h"

namespace fovea {
namespace {

// Two rows and half a panel at a time stay in the registers of the baseline CPU.
constexpr std::size_t kTileRows = 2;
constexpr std::size_t kTileLanes = 8;

template <std::size_t kRows>
void MultiplyTile(const PanelProduct& product, std::size_t row, std::size_t p, std::size_t lane) {
  float* sums = product.sums + row * product.sums_stride + p * kPanelWidth + lane;
  float chain[kRows][kTileLanes] = {};
  if (product.accumulate) {
    for (std::size_t r = 0; r < kRows; ++r) {
      for (std::size_t i = 0; i < kTileLanes; ++i) chain[r][i] = sums[r * product.sums_stride + i];
    }
  }
  const float* weights = product.panels[p] + lane;
  const float* input = product.input + row * product.input_stride;
  for (std::size_t k = 0; k < product.inputs; ++k, weights += kPanelWidth) {
    for (std::size_t r = 0; r < kRows; ++r) {
      const float x = input[r * product.input_stride + k * product.input_step];
      for (std::size_t i = 0; i < kTileLanes; ++i) chain[r][i] += x * weights[i];
    }
  }
  for (std::size_t r = 0; r < kRows; ++r) {
    for (std::size_t i = 0; i < kTileLanes; ++i) sums[r * product.sums_stride + i] = chain[r][i];
  }
}

void MultiplyPanels(const PanelProduct& product) {
  for (std::size_t p = 0; p < product.panel_count; ++p) {
    for (std::size_t lane = 0; lane < kPanelWidth; lane += kTileLanes) {
      std::size_t row = 0;
      for (; row + kTileRows <= product.rows; row += kTileRows)
        MultiplyTile<kTileRows>(product, row, p, lane);
      if (row < product.rows) MultiplyTile<1>(product, row, p, lane);
    }
  }
}

float Gelu(float x) { return 0.5f * x * (1.0f + std::erf(x * 0.70710678118654752f)); }

void GeluGradient(const float* x, const float* dy, std::size_t n, float* dx) {
  for (std::size_t i = 0; i < n; ++i) {
    const float density = 0.3989422804f * std::exp(-0.5f * x[i] * x[i]);
    dx[i] = dy[i] * (0.5f * (1.0f + std::erf(x[i] * 0.70710678118654752f)) + x[i] * density);
  }
}

float Silu(float x) { return x / (1.0f + std::exp(-x)); }

void FinishRow(const RowEpilogue& row) {
  for (std::size_t i = 0; i < row.outputs; ++i) {
    float value = row.sums[i];
    if (row.bias != nullptr) value += row.bias[i];
    if (row.activation == RowActivation::kGelu) value = Gelu(value);
    if (row.activation == RowActivation::kSilu) value = Silu(value);
    if (row.multiplier != nullptr) value *= row.multiplier[i];
    if (row.residual != nullptr) value += row.residual[i];
    row.out[i] = value;
  }
}

float LoadHalf(const std::byte* p) {
  std::uint16_t half;
  std::memcpy(&half, p, sizeof(half));
  return HalfToFloat(half);
}

void UnpackF16(const std::byte* packed, std::size_t inputs, float* panel) {
  for (std::size_t i = 0; i < inputs * kPanelWidth; ++i) panel[i] = LoadHalf(packed + 2 * i);
}

void RoundToF16(const float* row, std::size_t n, std::uint16_t* halves) {
  for (std::size_t i = 0; i < n; ++i) halves[i] = FloatToHalf(row[i]);
}

// 32 inputs at a time go through a small buffer: the baseline CPU has no registers to spare.
void MultiplyHalves(const PackedProduct& packed) {
  constexpr std::size_t kInputs = 32;
  float unpacked[kGroupPanels][kInputs * kPanelWidth];
  PanelProduct product = {};
  product.input_stride = packed.input_stride;
  product.rows = packed.rows;
  product.panel_count = packed.panel_count;
  product.sums = packed.sums;
  product.sums_stride = packed.sums_stride;
  for (std::size_t k = 0; k < packed.inputs || k == 0; k += kInputs) {
    product.input = packed.input + k;
    product.inputs = std::min(kInputs, packed.inputs - k);
    product.accumulate = k > 0;
    for (std::size_t p = 0; p < packed.panel_count; ++p) {
      UnpackF16(packed.panels[p] + 2 * k * kPanelWidth, product.inputs, unpacked[p]);
      product.panels[p] = unpacked[p];
    }
    MultiplyPanels(product);
  }
}

void PackPanel(const float* rows, std::size_t stride, std::size_t row_count, std::size_t inputs,
               float* panel) {
  for (std::size_t i = 0; i < inputs; ++i) {
    for (std::size_t r = 0; r < row_count; ++r) panel[i * kPanelWidth + r] = rows[r * stride + i];
    for (std::size_t r = row_count; r < kPanelWidth; ++r) panel[i * kPanelWidth + r] = 0;
  }
}

// Eight partial sums, so that the error grows with n / 8 and the compiler can use vector registers.
float Dot(const float* a, const float* b, std::size_t n) {
  float partial[8] = {};
  std::size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    for (std::size_t j = 0; j < 8; ++j) partial[j] += a[i + j] * b[i + j];
  }
  for (std::size_t j = 0; i < n; ++i, ++j) partial[j] += a[i] * b[i];
  return ((partial[0] + partial[4]) + (partial[1] + partial[5])) +
         ((partial[2] + partial[6]) + (partial[3] + partial[7]));
}

void DotRows(const float* query, const float* vectors, std::size_t stride, std::size_t rows,
             std::size_t n, float* out) {
  for (std::size_t r = 0; r < rows; ++r) out[r] = Dot(query, vectors + r * stride, n);
}

void Softmax(float* row, std::size_t n) {
  float maximum = -std::numeric_limits<float>::infinity();
  for (std::size_t i = 0; i < n; ++i) maximum = std::max(maximum, row[i]);
  if (maximum == -std::numeric_limits<float>::infinity()) {
    std::fill_n(row, n, 0.0f);
    return;
  }
  double sum = 0;
  for (std::size_t i = 0; i < n; ++i) {
    row[i] = std::exp(row[i] - maximum);
    sum += row[i];
  }
  const float factor = static_cast<float>(1 / sum);
  for (std::size_t i = 0; i < n; ++i) row[i] *= factor;
}

void Scale(float* row, std::size_t n, float factor) {
  for (std::size_t i = 0; i < n; ++i) row[i] *= factor;
}

void AddScaled(const float* row, std::size_t n, float factor, float* out) {
  for (std::size_t i = 0; i < n; ++i) out[i] += factor * row[i];
}

float LayerNorm(const float* row, const float* gamma, const float* beta, float epsilon,
                std::size_t n, float* normal, float* out) {
  double sum = 0;
  for (std::size_t i = 0; i < n; ++i) sum += row[i];
  const double mean = sum / static_cast<double>(n);
  double squares = 0;
  for (std::size_t i = 0; i < n; ++i) squares += (row[i] - mean) * (row[i] - mean);
  const double inverse = 1 / std::sqrt(squares / static_cast<double>(n) + epsilon);
  for (std::size_t i = 0; i < n; ++i) {
    const float unit = static_cast<float>((row[i] - mean) * inverse);
    if (normal != nullptr) normal[i] = unit;
    out[i] = unit * gamma[i] + beta[i];
  }
  return static_cast<float>(inverse);
}

void LayerNormGradient(const float* normal, const float* gamma, const float* dy, float inverse,
                       std::size_t n, float* dx) {
  double sum = 0;
  double projection = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const double g = static_cast<double>(dy[i]) * gamma[i];
    sum += g;
    projection += g * normal[i];
  }
  const auto count = static_cast<double>(n);
  for (std::size_t i = 0; i < n; ++i) {
    const double g = static_cast<double>(dy[i]) * gamma[i];
    dx[i] = static_cast<float>(inverse * (g - sum / count - normal[i] * projection / count));
  }
}

void RmsNorm(const float* row, const float* gamma, float epsilon, std::size_t n, float* out) {
  double squares = 0;
  for (std::size_t i = 0; i < n; ++i) squares += static_cast<double>(row[i]) * row[i];
  const double inverse = 1 / std::sqrt(squares / static_cast<double>(n) + epsilon);
  for (std::size_t i = 0; i < n; ++i) out[i] = static_cast<float>(row[i] * inverse) * gamma[i];
}

}  // namespace

const KernelTable& ScalarKernels() {
  static constexpr KernelTable table = {
      .multiply_panels = MultiplyPanels,
      .multiply_f16 = MultiplyHalves,
      .finish_row = FinishRow,
      .unpack_f16 = UnpackF16,
      .round_to_f16 = RoundToF16,
      .pack_panel = PackPanel,
      .dot = Dot,
      .dot_rows = DotRows,
      .softmax = Softmax,
      .gelu_gradient = GeluGradient,
      .scale = Scale,
      .add_scaled = AddScaled,
      .layer_norm = LayerNorm,
      .layer_norm_gradient = LayerNormGradient,
      .rms_norm = RmsNorm,
  };
  return table;
}

}  // namespace fovea
