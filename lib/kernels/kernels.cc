#include "lib/kernels/kernels.h"

#include <cmath>
#include <string>

#include "lib/base/error.h"
#include "lib/kernels/kernel_table.h"

namespace fovea {
namespace {

void CheckSize(const char* what, std::size_t size, std::size_t expected) {
  if (size == expected) return;
  throw Error(ErrorCode::kInvalidArgument, std::string(what) + ": " + std::to_string(size) +
                                               " numbers given, must be " +
                                               std::to_string(expected));
}

}  // namespace

float Dot(std::span<const float> a, std::span<const float> b) {
  CheckSize("dot product", b.size(), a.size());
  return CurrentKernels().dot(a.data(), b.data(), a.size());
}

void DotRows(std::span<const float> query, ConstMatrixView vectors, std::span<float> out) {
  CheckSize("dot products: query", query.size(), vectors.cols);
  CheckSize("dot products: output", out.size(), vectors.rows);
  CurrentKernels().dot_rows(query.data(), vectors.data, vectors.stride, vectors.rows, vectors.cols,
                            out.data());
}

void SoftmaxInPlace(std::span<float> row) { CurrentKernels().softmax(row.data(), row.size()); }

void LayerNorm(ConstMatrixView input, std::span<const float> gamma, std::span<const float> beta,
               float epsilon, MatrixView out) {
  CheckSize("layer norm: gamma", gamma.size(), input.cols);
  CheckSize("layer norm: beta", beta.size(), input.cols);
  CheckSize("layer norm: output rows", out.rows, input.rows);
  CheckSize("layer norm: output columns", out.cols, input.cols);
  const KernelTable& kernels = CurrentKernels();
  for (std::size_t r = 0; r < input.rows; ++r) {
    kernels.layer_norm(input.row(r), gamma.data(), beta.data(), epsilon, input.cols, nullptr,
                       out.row(r));
  }
}

void RmsNorm(ConstMatrixView input, std::span<const float> gamma, float epsilon, MatrixView out) {
  CheckSize("RMS norm: gamma", gamma.size(), input.cols);
  CheckSize("RMS norm: output rows", out.rows, input.rows);
  CheckSize("RMS norm: output columns", out.cols, input.cols);
  const KernelTable& kernels = CurrentKernels();
  for (std::size_t r = 0; r < input.rows; ++r) {
    kernels.rms_norm(input.row(r), gamma.data(), epsilon, input.cols, out.row(r));
  }
}

void NormalizeInPlace(std::span<float> row) {
  const KernelTable& kernels = CurrentKernels();
  const float squares = kernels.dot(row.data(), row.data(), row.size());
  if (squares > 1e-30f && squares < 1e30f) {
    kernels.scale(row.data(), row.size(), 1.0f / std::sqrt(squares));
    return;
  }
  // Very small or large components: their squares leave the range of f32, not that of double.
  double sum = 0;
  for (float x : row) sum += static_cast<double>(x) * x;
  if (sum == 0) return;
  for (float& x : row) x = static_cast<float>(x / std::sqrt(sum));
}

}  // namespace fovea
