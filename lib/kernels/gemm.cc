#include "lib/kernels/gemm.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "lib/base/error.h"
#include "lib/base/round_up.h"
#include "lib/base/thread_pool.h"
#include "lib/kernels/kernel_table.h"

namespace fovea {
namespace {

// A task computes up to 384 × 192 sums, 192 of K at a time: B's panels (147 KB) are packed once for
// all its rows, and lie in the second-level cache with the sums.
constexpr std::size_t kTaskRows = 384;
constexpr std::size_t kTaskPanels = 12;
constexpr std::size_t kColumns = kTaskPanels * kPanelWidth;
constexpr std::size_t kDepth = 192;
// Rows that go through the panels together: a multiple of the kernels' tile heights, 72 KB.
constexpr std::size_t kRowBlock = 96;
// Where A is transposed, a row block is gathered in tiles of so many rows: 9 KB each, which stay in
// the first-level cache beside two panels.
constexpr std::size_t kTileRows = 12;
constexpr std::size_t kPanelsATile = 2;
// Rows of the next blocks of A and B that are asked for before each of their products: all are by
// the time that they are gathered, where a task is at least two row blocks.
constexpr std::size_t kAskRows =
    kDepth * kTileRows * kPanelsATile * kPanelWidth / (kRowBlock * kColumns);

// Multiply-adds that are worth handing to another thread.
constexpr std::size_t kTaskWork = 1 << 18;
// So that threads end at about the same time.
constexpr std::size_t kTasksAThread = 2;
// Up to so many numbers (16 MB: a layer's weights), B is packed once for all rows of C.
constexpr std::size_t kSharedNumbers = 1 << 22;

// Rows that the blocks to come will read, asked for a few at a time between the products: they lie
// too far apart in memory for the hardware to foresee them.
struct Ahead {
  const float* row = nullptr;
  std::size_t stride = 0;
  std::size_t columns = 0;
  std::size_t rows = 0;  // left to ask for

  void Ask(std::size_t count) {
    constexpr std::size_t kLine = 16;  // floats
    for (; count > 0 && rows > 0; --count, --rows, row += stride) {
      for (std::size_t i = 0; i < columns; i += kLine) __builtin_prefetch(row + i, 0, 2);
    }
  }
};

// Panels of B one after the other, each [K, 16].
struct Panels {
  float* first;
  std::size_t stride;
  float* at(std::size_t p) const { return first + p * stride; }
};

struct Scratch {
  // A line more than a panel: else all of them would begin in the same set of the first-level
  // cache.
  alignas(64) float panels[kTaskPanels][(kDepth + 1) * kPanelWidth];
  alignas(64) float tiles[kRowBlock / kTileRows][kDepth * kTileRows];  // each [K, rows]
  alignas(64) float sums[kTaskRows * kColumns];
  Ahead next_a;
  Ahead next_b;
};

// A few moves; std::copy_n would call memmove.
template <std::size_t kCount>
void Copy(const float* from, float* to) {
  std::memcpy(to, from, kCount * sizeof(float));
}

struct Product {
  const KernelTable& kernels;
  ConstMatrixView a;
  ConstMatrixView b;
  GemmOptions options;
  MatrixView c;
  std::size_t depth;   // K
  Panels packed = {};  // all of B, if it was packed before

  void Run(std::size_t row, std::size_t rows, std::size_t column, Scratch& scratch) const {
    const std::size_t columns = std::min(kColumns, c.cols - column);
    for (std::size_t k = 0; k < depth || k == 0; k += kDepth) {
      const std::size_t count = std::min(kDepth, depth - k);
      Panels panels = {scratch.panels[0], (kDepth + 1) * kPanelWidth};
      if (packed.first != nullptr) {
        panels = {packed.at(column / kPanelWidth) + k * kPanelWidth, packed.stride};
      } else {
        PackB(column, columns, k, count, panels);
        scratch.next_b = AheadIn(b, k + kDepth, column, columns);
      }
      for (std::size_t r = 0; r < rows; r += kRowBlock) {
        const std::size_t next = r + kRowBlock;
        scratch.next_a = next < rows ? AheadIn(a, k, row + next, std::min(kRowBlock, rows - next))
                                     : AheadIn(a, k + kDepth, row, std::min(kRowBlock, rows));
        Multiply(row + r, std::min(kRowBlock, rows - r), columns, k, count, panels, scratch,
                 scratch.sums + r * kColumns);
      }
    }
    for (std::size_t r = 0; r < rows; ++r)
      Finish(scratch.sums + r * kColumns, column, columns, c.row(row + r) + column);
  }

  void Finish(float* sums, std::size_t column, std::size_t columns, float* out) const {
    if (options.bias != nullptr) {
      for (std::size_t i = 0; i < columns; ++i) sums[i] += options.bias[column + i];
    }
    if (options.accumulate) {
      for (std::size_t i = 0; i < columns; ++i) out[i] += sums[i];
    } else {
      std::copy_n(sums, columns, out);
    }
  }

  // All of B, into panels that `memory` is made large enough for.
  void PackAll(Matrix& memory, ThreadPool* pool) {
    memory = Matrix(Pieces(c.cols, kPanelWidth), depth * kPanelWidth);
    packed = {memory.data(), depth * kPanelWidth};
    ParallelFor(pool, Pieces(c.cols, kColumns), 1, [&](std::size_t begin, std::size_t end) {
      for (std::size_t column = begin * kColumns; column < std::min(c.cols, end * kColumns);
           column += kColumns) {
        PackB(column, std::min(kColumns, c.cols - column), 0, depth,
              {packed.at(column / kPanelWidth), packed.stride});
      }
    });
  }

  // Columns of a matrix that is stored [K, …], from its row k on.
  Ahead AheadIn(ConstMatrixView stored, std::size_t k, std::size_t column,
                std::size_t columns) const {
    if (k >= depth) return {};
    return {stored.row(k) + column, stored.stride, columns, std::min(kDepth, depth - k)};
  }

  void PackB(std::size_t column, std::size_t columns, std::size_t k, std::size_t count,
             const Panels& panels) const {
    if (options.transpose_b) {
      for (std::size_t p = 0; p * kPanelWidth < columns; ++p) {
        const std::size_t first = p * kPanelWidth;
        kernels.pack_panel(b.row(column + first) + k, b.stride,
                           std::min(kPanelWidth, columns - first), count, panels.at(p));
      }
      return;
    }
    // Row by row, which is how they lie in memory.
    for (std::size_t i = 0; i < count; ++i) {
      const float* row = b.row(k + i) + column;
      std::size_t p = 0;
      for (; (p + 1) * kPanelWidth <= columns; ++p)
        Copy<kPanelWidth>(row + p * kPanelWidth, panels.at(p) + i * kPanelWidth);
      if (const std::size_t rest = columns - p * kPanelWidth; rest > 0) {
        float* out = panels.at(p) + i * kPanelWidth;
        std::copy_n(row + p * kPanelWidth, rest, out);
        std::fill(out + rest, out + kPanelWidth, 0.0f);
      }
    }
  }

  void Multiply(std::size_t row, std::size_t rows, std::size_t columns, std::size_t k,
                std::size_t count, const Panels& panels, Scratch& scratch, float* sums) const {
    PanelProduct product = {};
    product.inputs = count;
    product.sums_stride = kColumns;
    product.accumulate = k > 0;
    if (options.transpose_a) Gather(row, rows, k, count, scratch);
    const std::size_t panel_count = Pieces(columns, kPanelWidth);
    const std::size_t group = options.transpose_a ? kPanelsATile : kGroupPanels;
    for (std::size_t first = 0; first < panel_count; first += group) {
      product.panel_count = std::min(group, panel_count - first);
      for (std::size_t p = 0; p < product.panel_count; ++p)
        product.panels[p] = panels.at(first + p);
      product.sums = sums + first * kPanelWidth;
      if (options.transpose_a) {
        MultiplyTiles(product, rows, scratch);
      } else {
        product.rows = rows;
        product.input = a.row(row) + k;
        product.input_stride = a.stride;
        kernels.multiply_panels(product);
      }
    }
  }

  void MultiplyTiles(PanelProduct product, std::size_t rows, Scratch& scratch) const {
    product.input_stride = 1;
    product.input_step = kTileRows;
    for (std::size_t r = 0; r < rows; r += kTileRows, product.sums += kTileRows * kColumns) {
      scratch.next_a.Ask(kAskRows);
      scratch.next_b.Ask(kAskRows / 2);
      product.rows = std::min(kTileRows, rows - r);
      product.input = scratch.tiles[r / kTileRows];
      kernels.multiply_panels(product);
    }
  }

  // Columns [row, row + rows) of the stored A, its rows k on, into tiles.
  void Gather(std::size_t row, std::size_t rows, std::size_t k, std::size_t count,
              Scratch& scratch) const {
    for (std::size_t i = 0; i < count; ++i) {
      const float* in = a.row(k + i) + row;
      std::size_t r = 0;
      for (; r + kTileRows <= rows; r += kTileRows)
        Copy<kTileRows>(in + r, scratch.tiles[r / kTileRows] + i * kTileRows);
      if (r < rows) std::copy_n(in + r, rows - r, scratch.tiles[r / kTileRows] + i * kTileRows);
    }
  }
};

// Rows of a task: as many as B's panels are worth packing for, but tasks enough for all threads.
std::size_t RowsOfATask(std::size_t rows, std::size_t groups, ThreadPool* pool) {
  const std::size_t threads = pool == nullptr ? 1 : static_cast<std::size_t>(pool->size());
  const std::size_t chunks = threads > 1 ? Pieces(kTasksAThread * threads, groups) : 1;
  return std::clamp(Pieces(Pieces(rows, chunks), kRowBlock) * kRowBlock, kRowBlock, kTaskRows);
}

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
  Product product{CurrentKernels(), a, b, options, c, depth};
  const std::size_t groups = Pieces(c.cols, kColumns);
  const std::size_t task_rows = RowsOfATask(c.rows, groups, pool);
  const std::size_t chunks = Pieces(c.rows, task_rows);
  Matrix packed;
  if (chunks > 1 && !options.transpose_a && depth > 0 && depth * c.cols <= kSharedNumbers)
    product.PackAll(packed, pool);
  const auto body = [&](std::size_t begin, std::size_t end) {
    Scratch scratch;
    for (std::size_t i = begin; i < end; ++i) {
      const std::size_t row = i / groups * task_rows;
      product.Run(row, std::min(task_rows, c.rows - row), i % groups * kColumns, scratch);
    }
  };
  const std::size_t work =
      std::min(task_rows, c.rows) * std::max<std::size_t>(depth, 1) * std::min(kColumns, c.cols);
  const std::size_t grain = std::max<std::size_t>(kTaskWork / work, 1);
  ParallelFor(pool, groups * chunks, grain, body);
}

}  // namespace fovea
