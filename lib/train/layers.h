// The layers of a transformer with their backward passes, as plain functions: a layer keeps
// nothing; what its backward pass needs, the caller has kept. Gradients of parameters are added to;
// gradients of inputs are overwritten unless it says otherwise.
//
// Dimensions: T tokens, D width. `pool` may be null; results do not depend on it.

#pragma once

#include <cstdint>
#include <vector>

#include "lib/kernels/matrix.h"
#include "lib/train/parameter.h"

namespace fovea {

class ThreadPool;

// y [T, out] = x Wᵀ + b: weight [out, in], bias [1, out].
struct LinearLayer {
  Parameter weight;
  Parameter bias;

  static LinearLayer Make(const std::string& name, std::size_t outputs, std::size_t inputs);
  void Forward(ConstMatrixView x, MatrixView y, ThreadPool* pool) const;
  // dW += dyᵀ x, db += Σ_t dy, dx = dy W (or dx += …). dx.data may be null: not wanted.
  void Backward(ConstMatrixView x, ConstMatrixView dy, MatrixView dx, bool add_to_dx,
                ThreadPool* pool);
};

// y = (x − mean) / √(var + ε) ⊙ γ + β per row (Ba et al. 2016): gamma, beta [1, D].
struct LayerNormLayer {
  Parameter gamma;
  Parameter beta;
  float epsilon = 1e-12f;

  static LayerNormLayer Make(const std::string& name, std::size_t width, float epsilon);
  // normal [T, D] receives (x − mean) / σ and inverse [T] receives 1 / σ, for the backward pass. y
  // may be x.
  void Forward(ConstMatrixView x, MatrixView normal, std::vector<float>& inverse, MatrixView y,
               ThreadPool* pool) const;
  // dx = 1/σ · (g − mean(g) − x̂ ⊙ mean(g ⊙ x̂)), g = dy ⊙ γ. dx may be dy.
  void Backward(ConstMatrixView normal, const std::vector<float>& inverse, ConstMatrixView dy,
                MatrixView dx, ThreadPool* pool);
};

// y = x Φ(x) (Hendrycks and Gimpel 2016), and dx = dy ⊙ (Φ(x) + x φ(x)). y may be x, dx may be dy.
void GeluForward(ConstMatrixView x, MatrixView y, ThreadPool* pool);
void GeluBackward(ConstMatrixView x, ConstMatrixView dy, MatrixView dx, ThreadPool* pool);

// y = dropout(x) + residual: zeroes each number with probability `rate` and divides the others by
// 1 − rate (Srivastava et al. 2014). Which ones, follows from `seed` and the position alone: the
// backward pass is the same call on the gradient. y may be x; residual.data may be null: none.
void Dropout(ConstMatrixView x, float rate, std::uint64_t seed, ConstMatrixView residual,
             MatrixView y, ThreadPool* pool);

}  // namespace fovea
