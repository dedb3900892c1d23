// The product with an Int8Matrix: how rows and outputs are cut into blocks.

#include <algorithm>
#include <string>

#include "lib/base/error.h"
#include "lib/base/thread_pool.h"
#include "lib/kernels/int8_state.h"

namespace fovea {
namespace {

// A task computes up to 96 × 64 sums: 24 KB of them on the stack, and panels that stay in the
// second-level cache while the rows pass by. 96 is a multiple of the tile heights (12, 6).
constexpr std::size_t kRowBlock = 96;
constexpr std::size_t kOutputBlock = kGroupPanels * kPanelWidth;

// Multiply-adds that are worth handing to another thread.
constexpr std::size_t kTaskWork = 1 << 20;

struct Task {
  const KernelTable& kernels;
  const Int8Kernels& int8_kernels;
  const Int8Matrix::State& weights;
  const Int8Rows& input;
  const Epilogue& epilogue;
  MatrixView out;

  // Rows [row, row + rows) of the outputs of panels [panel, panel + count).
  void Run(std::size_t row, std::size_t rows, std::size_t panel, std::size_t count) const {
    alignas(64) float sums[kRowBlock * kOutputBlock];
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
    int8_kernels.multiply(product);
    Finish(row, rows, panel * kPanelWidth,
           std::min(count * kPanelWidth, weights.outputs - panel * kPanelWidth), sums);
  }

  void Finish(std::size_t row, std::size_t rows, std::size_t output, std::size_t outputs,
              const float* sums) const {
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
};

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
  const Task task{CurrentKernels(), kernels, weights.state(), rows, epilogue, out};
  const std::size_t panels = weights.state().panels();
  const std::size_t groups = (panels + kGroupPanels - 1) / kGroupPanels;
  const std::size_t row_blocks = (out.rows + kRowBlock - 1) / kRowBlock;
  const auto body = [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      const std::size_t row = i / groups * kRowBlock;
      const std::size_t panel = i % groups * kGroupPanels;
      task.Run(row, std::min(kRowBlock, out.rows - row), panel,
               std::min(kGroupPanels, panels - panel));
    }
  };
  const std::size_t work =
      std::min(kRowBlock, out.rows) * std::max<std::size_t>(input.cols, 1) * kOutputBlock;
  const std::size_t grain = std::max<std::size_t>(kTaskWork / work, 1);
  if (pool == nullptr) {
    body(0, groups * row_blocks);
  } else {
    pool->ParallelFor(groups * row_blocks, grain, body);
  }
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
