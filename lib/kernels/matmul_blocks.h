// Internal to lib/kernels: how a product with panels of weights is cut into tasks, whatever the
// weights are made of.

#pragma once

#include <algorithm>
#include <cstddef>

#include "lib/base/round_up.h"
#include "lib/base/thread_pool.h"
#include "lib/kernels/kernel_table.h"
#include "lib/kernels/kernels.h"

namespace fovea {

// A task computes up to 96 × 64 sums, 24 KB of them on the stack. 96 is a multiple of the tile
// heights of the kernels (12, 6, 2).
inline constexpr std::size_t kRowBlock = 96;
inline constexpr std::size_t kOutputBlock = kGroupPanels * kPanelWidth;

// sums [rows, kOutputBlock] of output rows [row, row + rows) and outputs [output, output + outputs)
// into `out`, through the epilogue.
void FinishBlock(const Epilogue& epilogue, const float* sums, std::size_t row, std::size_t rows,
                 std::size_t output, std::size_t outputs, MatrixView out);

// Calls multiply(row, rows, panel, count, sums) for every block of `out` (rows [row, row + rows)
// and the outputs of `count` panels from `panel`), sums [rows, kOutputBlock], then finishes it.
// Blocks of fewer multiply-adds than `task_work` are handed out together. `out` is not empty.
template <typename Multiply>
void MultiplyInBlocks(std::size_t inputs, std::size_t task_work, const Epilogue& epilogue,
                      MatrixView out, ThreadPool* pool, const Multiply& multiply) {
  const std::size_t panels = Pieces(out.cols, kPanelWidth);
  const std::size_t groups = Pieces(panels, kGroupPanels);
  const std::size_t row_blocks = Pieces(out.rows, kRowBlock);
  // A row block's inputs stay in the second-level cache while all weights pass by.
  const auto body = [&](std::size_t begin, std::size_t end) {
    alignas(64) float sums[kRowBlock * kOutputBlock];
    for (std::size_t i = begin; i < end; ++i) {
      const std::size_t row = i / groups * kRowBlock;
      const std::size_t rows = std::min(kRowBlock, out.rows - row);
      const std::size_t panel = i % groups * kGroupPanels;
      const std::size_t count = std::min(kGroupPanels, panels - panel);
      multiply(row, rows, panel, count, sums);
      const std::size_t output = panel * kPanelWidth;
      FinishBlock(epilogue, sums, row, rows, output,
                  std::min(count * kPanelWidth, out.cols - output), out);
    }
  };
  const std::size_t work =
      std::min(kRowBlock, out.rows) * std::max<std::size_t>(inputs, 1) * kOutputBlock;
  ParallelFor(pool, groups * row_blocks, std::max<std::size_t>(task_work / work, 1), body);
}

}  // namespace fovea
