// AdamW (Loshchilov and Hutter 2019), f32 master weights.

#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "lib/train/parameter.h"

namespace fovea {

class ThreadPool;

struct AdamWOptions {
  float beta1 = 0.9f;
  float beta2 = 0.999f;
  float epsilon = 1e-8f;
  float weight_decay = 0.01f;
  // The gradient of all parameters together is scaled down to this 2-norm (Pascanu et al. 2013);
  // 0: never.
  float clip = 1.0f;
};

class AdamW {
 public:
  // Borrows the parameters.
  AdamW(std::vector<Parameter*> parameters, const AdamWOptions& options);

  // One step at this rate; sets the gradients to zero. Gives their norm before clipping. A gradient
  // that is not finite leaves everything as it was (and is forgotten); the norm says so.
  //   m ← β₁ m + (1 − β₁) g, v ← β₂ v + (1 − β₂) g²
  //   w ← w − rate · (m̂ / (√v̂ + ε) + decay · w), m̂ and v̂ with the bias of their zero start removed
  double Step(float rate, ThreadPool* pool);

  std::int64_t steps() const { return steps_; }
  // For checkpoints: the moments in the parameters' order, m then v of each, and the step count.
  std::vector<Matrix>& moments() { return moments_; }
  const std::vector<Matrix>& moments() const { return moments_; }
  void set_steps(std::int64_t steps) { steps_ = steps; }

 private:
  std::vector<Parameter*> parameters_;
  AdamWOptions options_;
  std::vector<Matrix> moments_;
  std::int64_t steps_ = 0;
};

// Linear warm-up to `peak` over `warm_up` steps, then linear decay to 0 at `total` (Devlin et al.
// 2019, A.2).
float WarmUpThenDecay(std::int64_t step, std::int64_t warm_up, std::int64_t total, float peak);

}  // namespace fovea
