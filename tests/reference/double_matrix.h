// Matrices in double precision: what references compute with.

#pragma once

#include <cstddef>
#include <vector>

#include "lib/kernels/matrix.h"

namespace fovea::reference {

// Row-major.
struct DoubleMatrix {
  std::size_t rows = 0;
  std::size_t cols = 0;
  std::vector<double> values;

  double& at(std::size_t r, std::size_t c) { return values[r * cols + c]; }
  double at(std::size_t r, std::size_t c) const { return values[r * cols + c]; }

  static DoubleMatrix Zeros(std::size_t rows, std::size_t cols) {
    return {rows, cols, std::vector<double>(rows * cols)};
  }
};

inline DoubleMatrix ToDouble(ConstMatrixView view) {
  DoubleMatrix copy{view.rows, view.cols, {}};
  for (std::size_t r = 0; r < view.rows; ++r)
    copy.values.insert(copy.values.end(), view.row(r), view.row(r) + view.cols);
  return copy;
}

}  // namespace fovea::reference
