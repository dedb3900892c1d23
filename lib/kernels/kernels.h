// The arithmetic of everything above: matmul on packed weights and the row operations around it.
//
// Contract: the result of a row depends on that row and the weights alone, bit for bit: not on the other rows of the
// batch, on where a block starts, or on the number of threads. It may differ between ISAs within rounding. No function allocates
// more than its scratch; none keeps state. `pool` may be null (the calling thread alone).

#pragma once

#include <cstddef>
#include <span>

#include "lib/kernels/matrix.h"
#include "lib/kernels/packed_matrix.h"

namespace fovea {

class ThreadPool;

enum class Activation { kNone, kGelu, kSilu };

// Fused into the last step of a matmul, in this order: + bias, activation, × gate, + residual.
struct Epilogue {
  const float* bias = nullptr;  // [outputs], or null
  Activation activation = Activation::kNone;
  // out = act(x Wᵀ + b) ⊙ multiplier: SwiGLU (Shazeer 2020) is Silu(gate) times up. Same shape as out, or data == null.
  ConstMatrixView multiplier{};
  ConstMatrixView residual{};  // Same shape as out (may be `out` itself), or data == null.
};

// out [T, outputs] = epilogue(input [T, inputs] · weightsᵀ). `out` must not overlap `input`.
void MatMul(ConstMatrixView input, const PackedMatrix& weights, const Epilogue& epilogue, MatrixView out,
            ThreadPool* pool);

// Σ a_i b_i
float Dot(std::span<const float> a, std::span<const float> b);

// out[n] = Σ_i query_i · vectors[n][i] over row-major vectors [N, D]; the distance scan of exact search.
void DotRows(std::span<const float> query, ConstMatrixView vectors, std::span<float> out);

// row_i = exp(row_i − max) / Σ exp(row_j − max); an empty row stays empty; −∞ gives exactly 0; all −∞ gives all 0.
void SoftmaxInPlace(std::span<float> row);

// out = (x − mean) / √(var + ε) ⊙ γ + β per row (Ba et al. 2016). `out` may be `input`.
void LayerNorm(ConstMatrixView input, std::span<const float> gamma, std::span<const float> beta, float epsilon,
               MatrixView out);

// out = x / √(mean(x²) + ε) ⊙ γ per row (Zhang and Sennrich 2019). `out` may be `input`.
void RmsNorm(ConstMatrixView input, std::span<const float> gamma, float epsilon, MatrixView out);

// x / ‖x‖₂ in place; a zero row stays zero.
void NormalizeInPlace(std::span<float> row);

}  // namespace fovea
