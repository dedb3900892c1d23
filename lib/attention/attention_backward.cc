#include "lib/attention/attention_backward.h"

#include <algorithm>
#include <cmath>

#include "lib/attention/mask_sequences.h"
#include "lib/base/error.h"
#include "lib/base/thread_pool.h"
#include "lib/kernels/gemm.h"
#include "lib/kernels/kernel_table.h"
#include "lib/kernels/kernels.h"

namespace fovea {
namespace {

// One head of one sequence: views of its columns and rows.
void HeadBackward(ConstMatrixView query, ConstMatrixView key, ConstMatrixView value, float scale,
                  ConstMatrixView out_gradient, const AttentionGradients& gradients) {
  Matrix weights(query.rows, key.rows);
  Gemm(query, key, {.transpose_b = true}, weights.view(), nullptr);
  for (std::size_t q = 0; q < query.rows; ++q) {
    CurrentKernels().scale(weights.row(q).data(), key.rows, scale);
    SoftmaxInPlace(weights.row(q));
  }
  Gemm(weights.view(), out_gradient, {.transpose_a = true}, gradients.value, nullptr);
  Matrix scores(query.rows, key.rows);  // dP, then dS
  Gemm(out_gradient, value, {.transpose_b = true}, scores.view(), nullptr);
  for (std::size_t q = 0; q < query.rows; ++q) {
    const float mean = Dot(weights.row(q), scores.row(q));
    for (std::size_t k = 0; k < key.rows; ++k)
      scores.row(q)[k] = weights.row(q)[k] * (scores.row(q)[k] - mean) * scale;
  }
  Gemm(scores.view(), key, {}, gradients.query, nullptr);
  Gemm(scores.view(), query, {.transpose_a = true}, gradients.key, nullptr);
}

}  // namespace

void ScaledDotProductAttentionBackward(const AttentionShape& shape, ConstMatrixView query,
                                       ConstMatrixView key, ConstMatrixView value,
                                       const AttentionMask& mask, ConstMatrixView out_gradient,
                                       const AttentionGradients& gradients, ThreadPool* pool) {
  const auto heads = static_cast<std::size_t>(shape.heads);
  const auto width = static_cast<std::size_t>(shape.head_width);
  const auto fits = [&](ConstMatrixView view, std::size_t rows) {
    return view.rows == rows && view.cols == heads * width;
  };
  if (mask.causal || shape.kv_heads != shape.heads || !fits(query, query.rows) ||
      !fits(key, key.rows) || !fits(value, key.rows) || !fits(out_gradient, query.rows) ||
      !fits(gradients.query, query.rows) || !fits(gradients.key, key.rows) ||
      !fits(gradients.value, key.rows)) {
    throw Error(ErrorCode::kInvalidArgument,
                "attention, backward: causal masks and grouped heads have no gradients here, and "
                "all matrices must be as wide as the heads together");
  }
  const float scale =
      shape.scale != 0 ? shape.scale : 1.0f / std::sqrt(static_cast<float>(shape.head_width));
  const std::vector<MaskSequence> sequences = SequencesOf(mask, query.rows, key.rows);
  for (const MatrixView& view : {gradients.key, gradients.value}) {
    for (std::size_t k = 0; k < view.rows; ++k) std::fill_n(view.row(k), view.cols, 0.0f);
  }
  const auto body = [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      const MaskSequence& s = sequences[i / heads];
      const std::size_t first = i % heads * width;
      const auto queries = [&](auto view) {
        return view.Rows(s.query_begin, s.query_end).Cols(first, first + width);
      };
      const auto keys = [&](auto view) {
        return view.Rows(s.key_begin, s.key_end).Cols(first, first + width);
      };
      HeadBackward(queries(query), keys(key), keys(value), scale, queries(out_gradient),
                   {queries(gradients.query), keys(gradients.key), keys(gradients.value)});
    }
  };
  ParallelFor(pool, sequences.size() * heads, 1, body);
}

}  // namespace fovea
