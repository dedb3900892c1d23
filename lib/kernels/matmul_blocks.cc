#include "lib/kernels/matmul_blocks.h"

namespace fovea {

void FinishBlock(const Epilogue& epilogue, const float* sums, std::size_t row, std::size_t rows,
                 std::size_t output, std::size_t outputs, MatrixView out) {
  const KernelTable& kernels = CurrentKernels();
  RowEpilogue finish = {};
  finish.outputs = outputs;
  finish.bias = epilogue.bias == nullptr ? nullptr : epilogue.bias + output;
  finish.activation = epilogue.activation == Activation::kGelu   ? RowActivation::kGelu
                      : epilogue.activation == Activation::kSilu ? RowActivation::kSilu
                                                                 : RowActivation::kNone;
  for (std::size_t r = 0; r < rows; ++r) {
    finish.sums = sums + r * kOutputBlock;
    if (epilogue.multiplier.data != nullptr)
      finish.multiplier = epilogue.multiplier.row(row + r) + output;
    if (epilogue.residual.data != nullptr)
      finish.residual = epilogue.residual.row(row + r) + output;
    finish.out = out.row(row + r) + output;
    kernels.finish_row(finish);
  }
}

}  // namespace fovea
