// Attention in double precision, one query and head at a time, as the formula reads.

#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "lib/kernels/matrix.h"

namespace fovea::reference {

struct AttentionResult {
  std::vector<double> out;           // [Tq, H · Dh]
  std::vector<double> mean_weights;  // [Tq, Tk]
};

// `sees(q, k)`: whether query q sees key k.
AttentionResult Attention(ConstMatrixView query, ConstMatrixView key, ConstMatrixView value,
                          std::size_t heads, std::size_t kv_heads, double scale,
                          const std::function<bool(std::size_t, std::size_t)>& sees);

std::vector<double> Softmax(const std::vector<double>& scores);

}  // namespace fovea::reference
