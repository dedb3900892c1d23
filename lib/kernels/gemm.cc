#include "lib/kernels/gemm.h"

#include <algorithm>
#include <string>

#include "lib/base/error.h"
#include "lib/base/round_up.h"
#include "lib/base/thread_pool.h"
#include "lib/kernels/kernel_table.h"

namespace fovea {
namespace {

// A task computes up to 384 × 64 sums, 256 of K at a time: B's panels (64 KB) are packed once for
// all its rows, which are taken 96 at a time, a multiple of the kernels' tile heights.
constexpr std::size_t kTaskRows = 384;
constexpr std::size_t kRowBlock = 96;
constexpr std::size_t kColumns = kGroupPanels * kPanelWidth;
constexpr std::size_t kDepth = 256;

// Multiply-adds that are worth handing to another thread.
constexpr std::size_t kTaskWork = 1 << 18;

struct Scratch {
  alignas(64) float panels[kGroupPanels][kDepth * kPanelWidth];
  alignas(64) float columns_of_a[kDepth * kRowBlock];  // [K, rows], where A is transposed
  alignas(64) float sums[kTaskRows * kColumns];
};

struct Product {
  const KernelTable& kernels;
  ConstMatrixView a;
  ConstMatrixView b;
  GemmOptions options;
  MatrixView c;
  std::size_t depth;  // K

  void Run(std::size_t row, std::size_t column, Scratch& scratch) const {
    const std::size_t rows = std::min(kTaskRows, c.rows - row);
    const std::size_t columns = std::min(kColumns, c.cols - column);
    for (std::size_t k = 0; k < depth || k == 0; k += kDepth) {
      const std::size_t count = std::min(kDepth, depth - k);
      PackB(column, columns, k, count, scratch);
      for (std::size_t r = 0; r < rows; r += kRowBlock)
        Multiply(row + r, std::min(kRowBlock, rows - r), columns, k, count, scratch,
                 scratch.sums + r * kColumns);
    }
    for (std::size_t r = 0; r < rows; ++r) {
      float* out = c.row(row + r) + column;
      const float* sums = scratch.sums + r * kColumns;
      if (options.accumulate) {
        for (std::size_t i = 0; i < columns; ++i) out[i] += sums[i];
      } else {
        std::copy_n(sums, columns, out);
      }
    }
  }

  void PackB(std::size_t column, std::size_t columns, std::size_t k, std::size_t count,
             Scratch& scratch) const {
    for (std::size_t p = 0; p * kPanelWidth < columns; ++p) {
      const std::size_t first = column + p * kPanelWidth;
      const std::size_t width = std::min(kPanelWidth, columns - p * kPanelWidth);
      float* panel = scratch.panels[p];
      if (options.transpose_b) {
        kernels.pack_panel(b.row(first) + k, b.stride, width, count, panel);
        continue;
      }
      for (std::size_t i = 0; i < count; ++i, panel += kPanelWidth) {
        std::copy_n(b.row(k + i) + first, width, panel);
        std::fill(panel + width, panel + kPanelWidth, 0.0f);
      }
    }
  }

  void Multiply(std::size_t row, std::size_t rows, std::size_t columns, std::size_t k,
                std::size_t count, Scratch& scratch, float* sums) const {
    PanelProduct product = {};
    product.rows = rows;
    product.inputs = count;
    product.panel_count = Pieces(columns, kPanelWidth);
    for (std::size_t p = 0; p < product.panel_count; ++p) product.panels[p] = scratch.panels[p];
    product.sums = sums;
    product.sums_stride = kColumns;
    product.accumulate = k > 0;
    if (options.transpose_a) {
      for (std::size_t i = 0; i < count; ++i)
        std::copy_n(a.row(k + i) + row, rows, scratch.columns_of_a + i * kRowBlock);
      product.input = scratch.columns_of_a;
      product.input_stride = 1;
      product.input_step = kRowBlock;
    } else {
      product.input = a.row(row) + k;
      product.input_stride = a.stride;
    }
    kernels.multiply_panels(product);
  }
};

}  // namespace

void Gemm(ConstMatrixView a, ConstMatrixView b, const GemmOptions& options, MatrixView c,
          ThreadPool* pool) {
  const std::size_t depth = options.transpose_a ? a.rows : a.cols;
  if ((options.transpose_a ? a.cols : a.rows) != c.rows ||
      (options.transpose_b ? b.rows : b.cols) != c.cols ||
      (options.transpose_b ? b.cols : b.rows) != depth) {
    throw Error(ErrorCode::kInvalidArgument,
                "matrix product: " + std::to_string(a.rows) + " × " + std::to_string(a.cols) +
                    " and " + std::to_string(b.rows) + " × " + std::to_string(b.cols) +
                    " do not give " + std::to_string(c.rows) + " × " + std::to_string(c.cols));
  }
  if (c.rows == 0 || c.cols == 0) return;
  const Product product{CurrentKernels(), a, b, options, c, depth};
  const std::size_t groups = Pieces(c.cols, kColumns);
  const std::size_t chunks = Pieces(c.rows, kTaskRows);
  const auto body = [&](std::size_t begin, std::size_t end) {
    Scratch scratch;
    for (std::size_t i = begin; i < end; ++i)
      product.Run(i / groups * kTaskRows, i % groups * kColumns, scratch);
  };
  const std::size_t work = std::min(kTaskRows, c.rows) * std::max<std::size_t>(depth, 1) * kColumns;
  const std::size_t grain = std::max<std::size_t>(kTaskWork / work, 1);
  ParallelFor(pool, groups * chunks, grain, body);
}

}  // namespace fovea
