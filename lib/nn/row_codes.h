// Matrices as they are stored in 8 bits: whole numbers within ±127 and one scale a row.

#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "lib/kernels/matrix.h"

namespace fovea {

struct RowCodes {
  std::vector<std::int8_t> codes;  // [rows, cols]
  std::vector<float> scales;       // [rows]
};

// code = round(x / scale), scale = max|x| / 127 of the row (0 for a row of zeros): off by half a
// scale at most. Throws Error(kInvalidArgument) if a number is not finite.
RowCodes QuantizeRows(ConstMatrixView rows);

// out [rows, cols] = code · scale. Throws Error(kInvalidArgument) if the sizes do not fit.
void DequantizeRows(std::span<const std::int8_t> codes, std::span<const float> scales,
                    MatrixView out);

}  // namespace fovea
