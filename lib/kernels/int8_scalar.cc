// Portable kernels of int8_kernels.h: the plainest statement of what each computes.

#include <algorithm>
#include <cmath>

#include "lib/kernels/int8_kernels.h"
#include "lib/kernels/magnitude.h"

namespace fovea {
namespace {

void Rotate(const float* row, std::size_t n, float* out) {
  const std::size_t step = n / 8;
  for (std::size_t i = 0; i < step; ++i) {
    float x[8];
    for (std::size_t j = 0; j < 8; ++j) x[j] = row[i + j * step];
    for (std::size_t half : {4, 2, 1}) {
      for (std::size_t j = 0; j < 8; ++j) {
        if (j & half) continue;
        const float sum = x[j] + x[j + half];
        x[j + half] = x[j] - x[j + half];
        x[j] = sum;
      }
    }
    for (std::size_t j = 0; j < 8; ++j) out[i + j * step] = x[j];
  }
}

Int8Row Quantize(const float* row, std::size_t n, std::byte* codes) {
  const float magnitude = LargestMagnitude(row, n);
  Int8Row result;
  if (magnitude < kInt8LeastMagnitude) {
    std::fill_n(codes, n, std::byte{0});
    return result;
  }
  result.scale = magnitude / kInt8Largest;
  const float factor = kInt8Largest / magnitude;
  for (std::size_t i = 0; i < n; ++i) {
    const float scaled = row[i] * factor;
    // Anything where the scale is infinite or NaN, and so are the sums.
    const int code = std::abs(scaled) <= kInt8Largest + 1
                         ? std::clamp(static_cast<int>(std::nearbyint(scaled)), -127, 127)
                         : 0;
    codes[i] = static_cast<std::byte>(code);
    result.sum += code;
  }
  return result;
}

void Multiply(const Int8Product& product) {
  for (std::size_t r = 0; r < product.rows; ++r) {
    const std::byte* input = product.input + r * product.input_stride;
    const Int8Row& row = product.info[r];
    for (std::size_t p = 0; p < product.panel_count; ++p) {
      std::int32_t sums[kPanelWidth] = {};
      const std::uint8_t* weights = product.panels[p];
      for (std::size_t k = 0; k < product.inputs; k += kInt8Step) {
        for (std::size_t lane = 0; lane < kPanelWidth; ++lane) {
          for (std::size_t i = 0; i < kInt8Step; ++i)
            sums[lane] += static_cast<std::int8_t>(input[k + i]) * *weights++;
        }
      }
      for (std::size_t lane = 0; lane < kPanelWidth; ++lane) {
        const std::int32_t sum = sums[lane] - kInt8WeightOffset * row.sum;
        product.sums[r * product.sums_stride + p * kPanelWidth + lane] =
            static_cast<float>(sum) * row.scale * product.scales[p][lane];
      }
    }
  }
}

}  // namespace

const Int8Kernels& ScalarInt8Kernels() {
  static constexpr Int8Kernels table = {
      .code_bytes = 1, .rotate = Rotate, .quantize = Quantize, .multiply = Multiply};
  return table;
}

}  // namespace fovea
