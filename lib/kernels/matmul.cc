// MatMul on packed weights. The arithmetic is in the kernel tables.

#include <algorithm>
#include <string>

#include "lib/base/error.h"
#include "lib/kernels/block_matmul.h"
#include "lib/kernels/kernels.h"
#include "lib/kernels/matmul_blocks.h"
#include "lib/kernels/packed_state.h"

namespace fovea {
namespace {

// Inputs taken at a time: 64 KB of weights with the outputs of a block.
constexpr std::size_t kInputBlock = 256;
static_assert(kInputBlock % kBlockInputs == 0);

// Multiply-adds that are worth handing to another thread.
constexpr std::size_t kTaskWork = 1 << 18;

void Unpack(const KernelTable& kernels, WeightType type, const std::byte* packed,
            std::size_t inputs, float* panel) {
  if (type == WeightType::kF16) return kernels.unpack_f16(packed, inputs, panel);
  FormatKernels(CurrentBlockKernels(), type).dequantize(packed, inputs / kBlockInputs, panel);
}

// Planes of bytes that the activations are quantised to, 0 for none.
std::size_t Planes(const PackedMatrix::State& weights) {
  switch (weights.precision) {
    case InputPrecision::kF32:
      return 0;
    case InputPrecision::kInt8:
      return 1;
    case InputPrecision::kInt16:
      return 2;
  }
  return 0;
}

struct Task {
  const KernelTable& kernels;
  const PackedMatrix::State& weights;
  ConstMatrixView input;
  const QuantizedRows& quantized;  // of the same input, if the weights ask for it

  // sums [rows, kOutputBlock] of rows [row, row + rows) and panels [panel, panel + count).
  void Run(std::size_t row, std::size_t rows, std::size_t panel, std::size_t count,
           float* sums) const {
    if (weights.precision != InputPrecision::kF32) {
      MultiplyQuantized(quantized, row, rows, weights, panel, count, sums, kOutputBlock);
    } else if (rows <= kFewRows && weights.type == WeightType::kF16) {
      MultiplyHalves(row, rows, panel, count, sums);
    } else {
      Multiply(row, rows, panel, count, sums);
    }
  }

  void MultiplyHalves(std::size_t row, std::size_t rows, std::size_t panel, std::size_t count,
                      float* sums) const {
    PackedProduct product = {};
    product.input = input.row(row);
    product.input_stride = input.stride;
    product.rows = rows;
    product.inputs = weights.inputs;
    product.panel_count = count;
    for (std::size_t p = 0; p < count; ++p) product.panels[p] = weights.panel(panel + p);
    product.sums = sums;
    product.sums_stride = kOutputBlock;
    kernels.multiply_f16(product);
  }

  void Multiply(std::size_t row, std::size_t rows, std::size_t panel, std::size_t count,
                float* sums) const {
    alignas(64) float unpacked[kGroupPanels][kInputBlock * kPanelWidth];
    PanelProduct product = {};
    product.input_stride = input.stride;
    product.rows = rows;
    product.panel_count = count;
    product.sums = sums;
    product.sums_stride = kOutputBlock;
    for (std::size_t k = 0; k < weights.inputs || k == 0; k += kInputBlock) {
      product.input = input.row(row) + k;
      product.inputs = std::min(kInputBlock, weights.inputs - k);
      product.accumulate = k > 0;
      for (std::size_t p = 0; p < count; ++p) {
        const std::byte* packed = weights.panel(panel + p) + k / PackedStepInputs(weights.type) *
                                                                 PackedStepBytes(weights.type);
        if (weights.type == WeightType::kF32) {
          product.panels[p] = reinterpret_cast<const float*>(packed);
        } else {
          Unpack(kernels, weights.type, packed, product.inputs, unpacked[p]);
          product.panels[p] = unpacked[p];
        }
      }
      kernels.multiply_panels(product);
    }
  }
};

void CheckShape(const char* what, std::size_t rows, std::size_t cols, std::size_t want_rows,
                std::size_t want_cols) {
  if (rows == want_rows && cols == want_cols) return;
  throw Error(ErrorCode::kInvalidArgument, std::string("matmul: ") + what + " is " +
                                               std::to_string(rows) + " × " + std::to_string(cols) +
                                               ", must be " + std::to_string(want_rows) + " × " +
                                               std::to_string(want_cols));
}

}  // namespace

void MatMul(ConstMatrixView input, const PackedMatrix& weights, const Epilogue& epilogue,
            MatrixView out, ThreadPool* pool) {
  CheckShape("the input", input.rows, input.cols, input.rows, weights.inputs());
  CheckShape("the output", out.rows, out.cols, input.rows, weights.outputs());
  for (const ConstMatrixView& view : {epilogue.multiplier, epilogue.residual}) {
    if (view.data != nullptr)
      CheckShape("an epilogue matrix", view.rows, view.cols, out.rows, out.cols);
  }
  if (out.rows == 0 || out.cols == 0) return;

  QuantizedRows quantized;
  if (const std::size_t planes = Planes(weights.state()); planes > 0)
    quantized = QuantizedRows(input, planes, pool);
  const Task task{CurrentKernels(), weights.state(), input, quantized};
  MultiplyInBlocks(input.cols, kTaskWork, epilogue, out, pool,
                   [&](std::size_t row, std::size_t rows, std::size_t panel, std::size_t count,
                       float* sums) { task.Run(row, rows, panel, count, sums); });
}

}  // namespace fovea
