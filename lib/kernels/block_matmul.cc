#include "lib/kernels/block_matmul.h"

#include <algorithm>

#include "lib/base/thread_pool.h"
#include "lib/kernels/isa.h"

namespace fovea {
namespace {

constexpr std::size_t kRowsATask = 16;  // of quantising

}  // namespace

const BlockKernels& CurrentBlockKernels() {
  switch (CurrentIsa()) {
#if defined(__x86_64__)
    case Isa::kAvx512Vnni:
      return Avx512VnniBlockKernels();
    case Isa::kAvx512:
      return Avx512BlockKernels();
    case Isa::kAvx2:
      return Avx2BlockKernels();
#endif
    default:
      return ScalarBlockKernels();
  }
}

const BlockKernels::Format& FormatKernels(const BlockKernels& kernels, WeightType type) {
  switch (type) {
    case WeightType::kQ4_0:
      return kernels.q4_0;
    case WeightType::kQ4_1:
      return kernels.q4_1;
    case WeightType::kQ5_0:
      return kernels.q5_0;
    case WeightType::kQ5_1:
      return kernels.q5_1;
    case WeightType::kQ4_K:
      return kernels.q4_k;
    case WeightType::kQ5_K:
      return kernels.q5_k;
    case WeightType::kQ6_K:
      return kernels.q6_k;
    default:
      return kernels.q8_0;
  }
}

QuantizedRows::QuantizedRows(ConstMatrixView input, std::size_t planes, ThreadPool* pool)
    : planes_(planes),
      stride_(input.cols / kBlockInputs * QuantizedBlockBytes(planes)),
      bytes_(new std::byte[input.rows * stride_]) {
  const auto quantize = CurrentBlockKernels().quantize_row[planes - 1];
  const auto body = [&](std::size_t begin, std::size_t end) {
    for (std::size_t r = begin; r < end; ++r)
      quantize(input.row(r), input.cols, bytes_.get() + r * stride_);
  };
  ParallelFor(pool, input.rows, kRowsATask, body);
}

void MultiplyQuantized(const QuantizedRows& input, std::size_t row, std::size_t rows,
                       const PackedMatrix::State& weights, std::size_t panel, std::size_t count,
                       float* sums, std::size_t sums_stride) {
  const BlockKernels::Format& kernels = FormatKernels(CurrentBlockKernels(), weights.type);
  const BlockFormat format = BlockFormatOf(weights.type);
  const std::size_t blocks = weights.inputs / kBlockInputs;
  BlockProduct product = {};
  product.input = input.row(row);
  product.input_stride = input.stride();
  product.rows = rows;
  product.sums = sums;
  product.sums_stride = sums_stride;
  if (rows <= kFewBlockRows) {
    product.blocks = blocks;
    product.panel_count = count;
    for (std::size_t p = 0; p < count; ++p) product.panels[p] = weights.panel(panel + p);
    return kernels.multiply_packed[input.planes() - 1](product);
  }
  alignas(64) std::byte unpacked[kUnpackedBlocks * kUnpackedBlockBytes];
  product.panel_count = 1;
  product.panels[0] = unpacked;
  for (std::size_t p = 0; p < count; ++p, product.sums += kPanelWidth) {
    for (std::size_t b = 0; b < blocks || b == 0; b += kUnpackedBlocks) {
      product.blocks = std::min(kUnpackedBlocks, blocks - b);
      product.accumulate = b > 0;
      product.input = input.row(row) + b * QuantizedBlockBytes(input.planes());
      kernels.unpack(weights.panel(panel + p) + b / format.step_blocks() * format.step_bytes(),
                     product.blocks, unpacked);
      kernels.multiply_unpacked[input.planes() - 1](product);
    }
  }
}

}  // namespace fovea
