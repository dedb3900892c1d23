// Additive attention (Bahdanau, Cho and Bengio 2015, A.1.2), the second scoring function, with the
// interface of ScaledDotProductAttention and several heads:
//
//   s_h(q, k) = v_h · tanh(q_h + k_h)        out = concat_h( softmax(s_h + mask) V_h )
//
// The paper's W_a and U_a are the projections that queries and keys have been through. Written for
// clarity: a tanh for every query, key and component.

#pragma once

#include "lib/attention/attention.h"
#include "lib/attention/attention_backward.h"

namespace fovea {

// score [H, Dh]: v_h. Shapes, masks and weights as in ScaledDotProductAttention, but with as
// many key/value heads as heads; `shape.scale` is not used. A query that sees no key gives a row of
// zeros. Throws Error(kInvalidArgument) if the shapes do not fit. Independent of the threads.
void AdditiveAttention(const AttentionShape& shape, ConstMatrixView query, ConstMatrixView key,
                       ConstMatrixView value, ConstMatrixView score, const AttentionMask& mask,
                       MatrixView out, MatrixView weights, ThreadPool* pool);

// From d loss / d out [Tq, H·Dh] to the gradients of the inputs, which are overwritten, and of the
// score vectors [H, Dh], which are added to. With P = softmax(S) and E = tanh(q + k):
//
//   dV = Pᵀ dO      dS = P ⊙ (dP − rowsum(P ⊙ dP)), dP = dO Vᵀ
//   dv = Σ dS E     dq = Σ_k dS v ⊙ (1 − E²)        dk = Σ_q dS v ⊙ (1 − E²)
//
// Throws as AdditiveAttention. Independent of the threads.
void AdditiveAttentionBackward(const AttentionShape& shape, ConstMatrixView query,
                               ConstMatrixView key, ConstMatrixView value, ConstMatrixView score,
                               const AttentionMask& mask, ConstMatrixView out_gradient,
                               const AttentionGradients& gradients, MatrixView score_gradient,
                               ThreadPool* pool);

}  // namespace fovea
