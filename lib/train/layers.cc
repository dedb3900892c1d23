#include "lib/train/layers.h"

#include <algorithm>
#include <cmath>

#include "lib/base/round_up.h"
#include "lib/kernels/gemm.h"
#include "lib/kernels/kernel_table.h"
#include "lib/nn/row_blocks.h"

namespace fovea {
namespace {

// sums[i] += Σ_r term(r)[i], where term(r) adds to a row of sums: blocks of rows, each read as it
// lies in memory, then the blocks in their order, so that the threads change nothing.
template <typename AddTerm>
void AddColumnSums(std::size_t rows, std::span<float> sums, ThreadPool* pool,
                   const AddTerm& add_term) {
  constexpr std::size_t kBlock = 256;
  Matrix blocks(Pieces(rows, kBlock), sums.size());
  ParallelFor(pool, blocks.rows(), 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t block = begin; block < end; ++block) {
      const std::span<float> sum = blocks.row(block);
      std::fill(sum.begin(), sum.end(), 0.0f);
      for (std::size_t r = block * kBlock; r < std::min(rows, (block + 1) * kBlock); ++r)
        add_term(r, sum.data());
    }
  });
  const KernelTable& kernels = CurrentKernels();
  for (std::size_t block = 0; block < blocks.rows(); ++block)
    kernels.add_scaled(blocks.row(block).data(), sums.size(), 1, sums.data());
}

// The sum of the rows themselves.
void AddRows(ConstMatrixView rows, std::span<float> sums, ThreadPool* pool) {
  const KernelTable& kernels = CurrentKernels();
  AddColumnSums(rows.rows, sums, pool, [&](std::size_t r, float* sum) {
    kernels.add_scaled(rows.row(r), rows.cols, 1, sum);
  });
}

// SplitMix64's finaliser (Steele, Lea and Flood 2014): a hash whose bits are all good.
std::uint64_t Mixed(std::uint64_t x) {
  x ^= x >> 30;
  x *= 0xbf58476d1ce4e5b9;
  x ^= x >> 27;
  x *= 0x94d049bb133111eb;
  return x ^ x >> 31;
}

}  // namespace

Parameter MakeParameter(std::string name, std::size_t rows, std::size_t cols, bool decays) {
  Parameter parameter{std::move(name), Matrix(rows, cols), Matrix(rows, cols), decays, true};
  std::fill_n(parameter.gradient.data(), rows * cols, 0.0f);
  return parameter;
}

LinearLayer LinearLayer::Make(const std::string& name, std::size_t outputs, std::size_t inputs) {
  return {MakeParameter(name + ".weight", outputs, inputs, true),
          MakeParameter(name + ".bias", 1, outputs, false)};
}

void LinearLayer::Forward(ConstMatrixView x, MatrixView y, ThreadPool* pool) const {
  Gemm(x, weight.value.view(), {.transpose_b = true}, y, pool);
  const KernelTable& kernels = CurrentKernels();
  ForRowBlocks(y.rows, pool, [&](std::size_t begin, std::size_t end) {
    for (std::size_t r = begin; r < end; ++r) {
      kernels.add_scaled(bias.value.data(), y.cols, 1, y.row(r));
    }
  });
}

void LinearLayer::Backward(ConstMatrixView x, ConstMatrixView dy, MatrixView dx, bool add_to_dx,
                           ThreadPool* pool) {
  Gemm(dy, x, {.transpose_a = true, .accumulate = true}, weight.gradient.view(), pool);
  AddRows(dy, bias.gradient.row(0), pool);
  if (dx.data != nullptr) Gemm(dy, weight.value.view(), {.accumulate = add_to_dx}, dx, pool);
}

LayerNormLayer LayerNormLayer::Make(const std::string& name, std::size_t width, float epsilon) {
  return {MakeParameter(name + ".weight", 1, width, false),
          MakeParameter(name + ".bias", 1, width, false), epsilon};
}

void LayerNormLayer::Forward(ConstMatrixView x, MatrixView normal, std::vector<float>& inverse,
                             MatrixView y, ThreadPool* pool) const {
  inverse.resize(x.rows);
  const auto width = static_cast<float>(x.cols);
  ForRowBlocks(x.rows, pool, [&](std::size_t begin, std::size_t end) {
    for (std::size_t r = begin; r < end; ++r) {
      const float* in = x.row(r);
      float* unit = normal.row(r);
      float sum = 0;
      for (std::size_t i = 0; i < x.cols; ++i) sum += in[i];
      const float mean = sum / width;
      float squares = 0;
      for (std::size_t i = 0; i < x.cols; ++i) squares += (in[i] - mean) * (in[i] - mean);
      inverse[r] = 1.0f / std::sqrt(squares / width + epsilon);
      for (std::size_t i = 0; i < x.cols; ++i) {
        unit[i] = (in[i] - mean) * inverse[r];
        y.row(r)[i] = unit[i] * gamma.value.data()[i] + beta.value.data()[i];
      }
    }
  });
}

void LayerNormLayer::Backward(ConstMatrixView normal, const std::vector<float>& inverse,
                              ConstMatrixView dy, MatrixView dx, ThreadPool* pool) {
  AddColumnSums(dy.rows, gamma.gradient.row(0), pool, [&](std::size_t r, float* sum) {
    for (std::size_t i = 0; i < dy.cols; ++i) sum[i] += dy.row(r)[i] * normal.row(r)[i];
  });
  AddRows(dy, beta.gradient.row(0), pool);
  const auto width = static_cast<float>(dy.cols);
  ForRowBlocks(dy.rows, pool, [&](std::size_t begin, std::size_t end) {
    for (std::size_t r = begin; r < end; ++r) {
      const float* unit = normal.row(r);
      float sum = 0;
      float projection = 0;
      for (std::size_t i = 0; i < dy.cols; ++i) {
        const float g = dy.row(r)[i] * gamma.value.data()[i];
        sum += g;
        projection += g * unit[i];
      }
      for (std::size_t i = 0; i < dy.cols; ++i) {
        const float g = dy.row(r)[i] * gamma.value.data()[i];
        dx.row(r)[i] = inverse[r] * (g - sum / width - unit[i] * projection / width);
      }
    }
  });
}

void GeluForward(ConstMatrixView x, MatrixView y, ThreadPool* pool) {
  const KernelTable& kernels = CurrentKernels();
  ForRowBlocks(x.rows, pool, [&](std::size_t begin, std::size_t end) {
    for (std::size_t r = begin; r < end; ++r) {
      RowEpilogue row = {};
      row.sums = x.row(r);
      row.outputs = x.cols;
      row.activation = RowActivation::kGelu;
      row.out = y.row(r);
      kernels.finish_row(row);
    }
  });
}

void GeluBackward(ConstMatrixView x, ConstMatrixView dy, MatrixView dx, ThreadPool* pool) {
  const KernelTable& kernels = CurrentKernels();
  ForRowBlocks(x.rows, pool, [&](std::size_t begin, std::size_t end) {
    for (std::size_t r = begin; r < end; ++r)
      kernels.gelu_gradient(x.row(r), dy.row(r), x.cols, dx.row(r));
  });
}

void DropoutInPlace(MatrixView x, float rate, std::uint64_t seed, ThreadPool* pool) {
  if (rate <= 0) return;
  const auto threshold = static_cast<std::uint32_t>(rate * 65536.0f);
  const float factor = 65536.0f / static_cast<float>(65536 - threshold);
  ForRowBlocks(x.rows, pool, [&](std::size_t begin, std::size_t end) {
    for (std::size_t r = begin; r < end; ++r) {
      // Four 16-bit draws a hash.
      for (std::size_t i = 0; i < x.cols; i += 4) {
        std::uint64_t bits = Mixed(Mixed(seed ^ r * 0x9e3779b97f4a7c15) + i);
        for (std::size_t j = i; j < std::min(i + 4, x.cols); ++j, bits >>= 16)
          x.row(r)[j] *= (bits & 0xffff) < threshold ? 0.0f : factor;
      }
    }
  });
}

}  // namespace fovea
