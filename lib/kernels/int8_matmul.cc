// The product with an Int8Matrix.

#include <string>

#include "lib/base/error.h"
#include "lib/kernels/int8_state.h"
#include "lib/kernels/matmul_blocks.h"

namespace fovea {
namespace {

// Multiply-adds that are worth handing to another thread.
constexpr std::size_t kTaskWork = 1 << 20;

// sums [rows, kOutputBlock] of input rows [row, row + rows) and weight panels [panel, panel +
// count).
void Multiply(const Int8Kernels& kernels, const Int8Rows& input, std::size_t row, std::size_t rows,
              const Int8Matrix::State& weights, std::size_t panel, std::size_t count, float* sums) {
  Int8Product product = {};
  product.input = input.row(row);
  product.input_stride = input.stride();
  product.info = input.info(row);
  product.rows = rows;
  product.inputs = weights.padded;
  product.panel_count = count;
  for (std::size_t p = 0; p < count; ++p) {
    product.panels[p] = weights.panel(panel + p);
    product.scales[p] = weights.scales.data() + (panel + p) * kPanelWidth;
  }
  product.sums = sums;
  product.sums_stride = kOutputBlock;
  kernels.multiply(product);
}

void CheckShapes(ConstMatrixView input, const Int8Matrix& weights, const Epilogue& epilogue,
                 MatrixView out) {
  bool fits =
      input.cols == weights.inputs() && out.rows == input.rows && out.cols == weights.outputs();
  for (const ConstMatrixView& view : {epilogue.multiplier, epilogue.residual})
    fits = fits && (view.data == nullptr || (view.rows == out.rows && view.cols == out.cols));
  if (fits) return;
  throw Error(ErrorCode::kInvalidArgument,
              "int8 matmul: " + std::to_string(input.rows) + " × " + std::to_string(input.cols) +
                  " by weights of " + std::to_string(weights.outputs()) + " × " +
                  std::to_string(weights.inputs()) + " into " + std::to_string(out.rows) + " × " +
                  std::to_string(out.cols) + ", or an epilogue matrix of another shape");
}

}  // namespace

void MatMul(ConstMatrixView input, const Int8Matrix& weights, const Epilogue& epilogue,
            MatrixView out, ThreadPool* pool) {
  CheckShapes(input, weights, epilogue, out);
  if (out.rows == 0 || out.cols == 0) return;
  const Int8Kernels& kernels = CurrentInt8Kernels();
  const Int8Rows rows(input, weights.state(), kernels, pool);
  MultiplyInBlocks(
      input.cols, kTaskWork, epilogue, out, pool,
      [&](std::size_t row, std::size_t count, std::size_t panel, std::size_t panels, float* sums) {
        Multiply(kernels, rows, row, count, weights.state(), panel, panels, sums);
      });
}

const Int8Kernels& CurrentInt8Kernels() {
  switch (CurrentIsa()) {
#if defined(__x86_64__)
    case Isa::kAvx512Vnni:
      return Avx512VnniInt8Kernels();
    case Isa::kAvx512:
      return Avx512Int8Kernels();
    case Isa::kAvx2:
      return Avx2Int8Kernels();
#endif
    default:
      return ScalarInt8Kernels();
  }
}

}  // namespace fovea
