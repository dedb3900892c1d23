// Numbers to measure with: uniform in [−1, 1), the same every time.

#pragma once

#include <random>

#include "lib/kernels/matrix.h"

namespace fovea {

inline Matrix RandomMatrix(std::size_t rows, std::size_t cols) {
  std::mt19937 random(7);
  std::uniform_real_distribution<float> uniform(-1, 1);
  Matrix matrix(rows, cols);
  for (std::size_t i = 0; i < rows * cols; ++i) matrix.data()[i] = uniform(random);
  return matrix;
}

}  // namespace fovea
