// Gradients of scaled dot-product attention.

#pragma once

#include "lib/attention/attention.h"

namespace fovea {

struct AttentionGradients {
  MatrixView query;  // [Tq, H·Dh]
  MatrixView key;    // [Tk, Hkv·Dh]
  MatrixView value;  // [Tk, Hkv·Dh]
};

// From d loss / d out [Tq, H·Dh] to the gradients of the inputs, which are overwritten. With
// P = softmax(S), S = Q Kᵀ · scale per head (recomputed here rather than kept: T² numbers a head):
//
//   dV = Pᵀ dO      dP = dO Vᵀ      dS = P ⊙ (dP − rowsum(P ⊙ dP))      dQ = scale · dS K
//   dK = scale · dSᵀ Q
//
// A key/value head has the sum over its group of query heads. Shapes and masks as in
// ScaledDotProductAttention; what sees nothing and what is seen by nothing gets zeros. Throws
// Error(kInvalidArgument) if the shapes do not fit. Independent of the threads.
void ScaledDotProductAttentionBackward(const AttentionShape& shape, ConstMatrixView query,
                                       ConstMatrixView key, ConstMatrixView value,
                                       const AttentionMask& mask, ConstMatrixView out_gradient,
                                       const AttentionGradients& gradients, ThreadPool* pool);

}  // namespace fovea
