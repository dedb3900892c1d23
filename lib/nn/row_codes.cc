#include "lib/nn/row_codes.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "lib/base/error.h"

namespace fovea {
namespace {

constexpr float kGreatestCode = 127;

float Greatest(std::span<const float> row) {
  float greatest = 0;
  for (const float value : row) {
    if (!std::isfinite(value)) {
      throw Error(ErrorCode::kInvalidArgument,
                  "a matrix to be stored in 8 bits holds a number that is not finite");
    }
    greatest = std::max(greatest, std::abs(value));
  }
  return greatest;
}

}  // namespace

RowCodes QuantizeRows(ConstMatrixView rows) {
  RowCodes quantized;
  quantized.codes.reserve(rows.rows * rows.cols);
  quantized.scales.reserve(rows.rows);
  for (std::size_t r = 0; r < rows.rows; ++r) {
    const float scale = Greatest(rows.row_span(r)) / kGreatestCode;
    quantized.scales.push_back(scale);
    for (const float value : rows.row_span(r)) {
      // The division of a subnormal maximum may round the scale to 0, or the quotient past 127.
      const float code = scale > 0 ? std::nearbyint(value / scale) : 0.0f;
      quantized.codes.push_back(
          static_cast<std::int8_t>(std::clamp(code, -kGreatestCode, kGreatestCode)));
    }
  }
  return quantized;
}

void DequantizeRows(std::span<const std::int8_t> codes, std::span<const float> scales,
                    MatrixView out) {
  if (scales.size() != out.rows || codes.size() != out.rows * out.cols) {
    throw Error(ErrorCode::kInvalidArgument, "rows in 8 bits: " + std::to_string(codes.size()) +
                                                 " codes and " + std::to_string(scales.size()) +
                                                 " scales for " + std::to_string(out.rows) + " × " +
                                                 std::to_string(out.cols) + " numbers");
  }
  for (std::size_t r = 0; r < out.rows; ++r) {
    const std::int8_t* row = codes.data() + r * out.cols;
    float* to = out.row(r);
    for (std::size_t i = 0; i < out.cols; ++i) to[i] = static_cast<float>(row[i]) * scales[r];
  }
}

}  // namespace fovea
