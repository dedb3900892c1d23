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
  Gemm(x, weight.value.view(), {.transpose_b = true, .bias = bias.value.data()}, y, pool);
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
  const KernelTable& kernels = CurrentKernels();
  ForRowBlocks(x.rows, pool, [&](std::size_t begin, std::size_t end) {
    for (std::size_t r = begin; r < end; ++r) {
      inverse[r] = kernels.layer_norm(x.row(r), gamma.value.data(), beta.value.data(), epsilon,
                                      x.cols, normal.row(r), y.row(r));
    }
  });
}

void LayerNormLayer::Backward(ConstMatrixView normal, const std::vector<float>& inverse,
                              ConstMatrixView dy, MatrixView dx, ThreadPool* pool) {
  AddColumnSums(dy.rows, gamma.gradient.row(0), pool, [&](std::size_t r, float* sum) {
    for (std::size_t i = 0; i < dy.cols; ++i) sum[i] += dy.row(r)[i] * normal.row(r)[i];
  });
  AddRows(dy, beta.gradient.row(0), pool);
  const KernelTable& kernels = CurrentKernels();
  ForRowBlocks(dy.rows, pool, [&](std::size_t begin, std::size_t end) {
    for (std::size_t r = begin; r < end; ++r) {
      kernels.layer_norm_gradient(normal.row(r), gamma.value.data(), dy.row(r), inverse[r], dy.cols,
                                  dx.row(r));
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

namespace {

// The draws of one row, 16 at a time: eight xorshift generators (Marsaglia 2003), whose shifts
// compilers turn into vector instructions.
class DropoutDraws {
 public:
  static constexpr std::size_t kCount = 16;

  DropoutDraws(float rate, std::uint64_t seed, std::size_t row)
      : threshold_(static_cast<std::int32_t>(rate * 65536.0f)),
        factor_(65536.0f / static_cast<float>(65536 - threshold_)) {
    const std::uint64_t of_row = Mixed(seed ^ row * 0x9e3779b97f4a7c15);
    for (std::size_t i = 0; i < kLanes; ++i)
      state_[i] = static_cast<std::uint32_t>(Mixed(of_row + i)) | 1;  // 0 would stay 0
  }

  // What the next 16 numbers are multiplied by.
  void Next(float* factors) {
    for (std::size_t i = 0; i < kLanes; ++i) {
      std::uint32_t x = state_[i];
      x ^= x << 13;
      x ^= x >> 17;
      x ^= x << 5;
      state_[i] = x;
      factors[i] = static_cast<std::int32_t>(x & 0xffff) < threshold_ ? 0.0f : factor_;
      factors[kLanes + i] = static_cast<std::int32_t>(x >> 16) < threshold_ ? 0.0f : factor_;
    }
  }

 private:
  static constexpr std::size_t kLanes = kCount / 2;
  std::int32_t threshold_;  // of 65,536
  float factor_;
  std::uint32_t state_[kLanes];
};

}  // namespace

void Dropout(ConstMatrixView x, float rate, std::uint64_t seed, ConstMatrixView residual,
             MatrixView y, ThreadPool* pool) {
  ForRowBlocks(x.rows, pool, [&](std::size_t begin, std::size_t end) {
    for (std::size_t r = begin; r < end; ++r) {
      DropoutDraws draws(rate, seed, r);
      const float* in = x.row(r);
      float* out = y.row(r);
      for (std::size_t i = 0; i < x.cols; i += DropoutDraws::kCount) {
        float factors[DropoutDraws::kCount];
        draws.Next(factors);
        const std::size_t count = std::min(DropoutDraws::kCount, x.cols - i);
        for (std::size_t j = 0; j < count; ++j) out[i + j] = in[i + j] * factors[j];
      }
      if (residual.data == nullptr) continue;
      for (std::size_t i = 0; i < x.cols; ++i) out[i] += residual.row(r)[i];
    }
  });
}

}  // namespace fovea
