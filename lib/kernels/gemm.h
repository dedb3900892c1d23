// General matrix product of plain matrices: what training needs beside MatMul's packed weights.

#pragma once

#include "lib/kernels/matrix.h"

namespace fovea {

class ThreadPool;

struct GemmOptions {
  bool transpose_a = false;  // A is stored [K, M]
  bool transpose_b = false;  // B is stored [N, K]
  bool accumulate = false;   // C += …, else C = …
  // [N], added to each row of the product; null: none.
  const float* bias = nullptr;
};

// C [M, N] (+)= A [M, K] · B [K, N] (+ bias). C must not overlap A or B. Each element is one chain
// of multiply-adds over ascending k, to which bias and C are added at its end: the result depends
// neither on the threads nor on the other rows. `pool` may be null. Throws Error(kInvalidArgument)
// if the shapes do not fit.
void Gemm(ConstMatrixView a, ConstMatrixView b, const GemmOptions& options, MatrixView c,
          ThreadPool* pool);

}  // namespace fovea
