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

struct Inputs {
  ConstMatrixView query, key, value, out_gradient;
};

// softmax(Q Kᵀ · scale + mask) of one head of a sequence.
void Weights(const Inputs& head, float scale, const MaskSequence& sequence,
             const AttentionMask& mask, MatrixView weights) {
  Gemm(head.query, head.key, {.transpose_b = true}, weights, nullptr);
  for (std::size_t q = 0; q < weights.rows; ++q) {
    const std::size_t visible = sequence.Visible(mask, sequence.query_begin + q);
    CurrentKernels().scale(weights.row(q), visible, scale);
    SoftmaxInPlace(weights.row_span(q).first(visible));
    std::fill(weights.row(q) + visible, weights.row(q) + weights.cols, 0.0f);
  }
}

// One head of one sequence: views of its columns and rows. Keys and values of a group's first head
// are overwritten, those of the others added to.
void HeadBackward(const Inputs& head, float scale, const MaskSequence& sequence,
                  const AttentionMask& mask, bool first_of_group, Matrix& scratch,
                  const AttentionGradients& gradients) {
  const std::size_t queries = head.query.rows, keys = head.key.rows;
  const MatrixView weights = {scratch.row(0).data(), queries, keys, keys};
  const MatrixView scores = {scratch.row(1).data(), queries, keys, keys};  // dP, then dS
  Weights(head, scale, sequence, mask, weights);
  Gemm(weights, head.out_gradient, {.transpose_a = true, .accumulate = !first_of_group},
       gradients.value, nullptr);
  Gemm(head.out_gradient, head.value, {.transpose_b = true}, scores, nullptr);
  for (std::size_t q = 0; q < queries; ++q) {
    const float mean = Dot(weights.row_span(q), scores.row_span(q));
    for (std::size_t k = 0; k < keys; ++k)
      scores.row(q)[k] = weights.row(q)[k] * (scores.row(q)[k] - mean) * scale;
  }
  Gemm(scores, head.key, {}, gradients.query, nullptr);
  Gemm(scores, head.query, {.transpose_a = true, .accumulate = !first_of_group}, gradients.key,
       nullptr);
}

void Check(const AttentionShape& shape, const Inputs& in, const AttentionGradients& gradients) {
  const auto fits = [&](ConstMatrixView view, std::size_t rows, int heads) {
    return view.rows == rows && view.cols == static_cast<std::size_t>(heads * shape.head_width);
  };
  const auto queries = [&](ConstMatrixView view) { return fits(view, in.query.rows, shape.heads); };
  const auto keys = [&](ConstMatrixView view) { return fits(view, in.key.rows, shape.kv_heads); };
  if (shape.kv_heads < 1 || shape.heads % shape.kv_heads != 0 || shape.head_width < 1 ||
      !queries(in.query) || !queries(in.out_gradient) || !queries(gradients.query) ||
      !keys(in.key) || !keys(in.value) || !keys(gradients.key) || !keys(gradients.value)) {
    throw Error(ErrorCode::kInvalidArgument,
                "attention, backward: queries and outputs must be as wide as the heads together, "
                "keys and values as the key/value heads, with a gradient of the same shape each");
  }
}

}  // namespace

void ScaledDotProductAttentionBackward(const AttentionShape& shape, ConstMatrixView query,
                                       ConstMatrixView key, ConstMatrixView value,
                                       const AttentionMask& mask, ConstMatrixView out_gradient,
                                       const AttentionGradients& gradients, ThreadPool* pool) {
  Check(shape, {query, key, value, out_gradient}, gradients);
  const auto width = static_cast<std::size_t>(shape.head_width);
  const auto groups = static_cast<std::size_t>(shape.kv_heads);
  const std::size_t group_heads = static_cast<std::size_t>(shape.heads) / groups;
  const float scale =
      shape.scale != 0 ? shape.scale : 1.0f / std::sqrt(static_cast<float>(shape.head_width));
  const std::vector<MaskSequence> sequences = SequencesOf(mask, query.rows, key.rows);
  for (const MatrixView& view : {gradients.query, gradients.key, gradients.value}) {
    for (std::size_t r = 0; r < view.rows; ++r) std::fill_n(view.row(r), view.cols, 0.0f);
  }
  std::size_t largest = 0;
  for (const MaskSequence& s : sequences)
    largest = std::max(largest, (s.query_end - s.query_begin) * (s.key_end - s.key_begin));
  const auto body = [&](std::size_t begin, std::size_t end) {
    Matrix scratch(2, largest);
    for (std::size_t i = begin; i < end; ++i) {
      const MaskSequence& s = sequences[i / groups];
      const std::size_t group = i % groups;
      const auto keys = [&](auto view) {
        return view.Rows(s.key_begin, s.key_end).Cols(group * width, (group + 1) * width);
      };
      for (std::size_t head = group * group_heads; head < (group + 1) * group_heads; ++head) {
        const auto queries = [&](auto view) {
          return view.Rows(s.query_begin, s.query_end).Cols(head * width, (head + 1) * width);
        };
        HeadBackward({queries(query), keys(key), keys(value), queries(out_gradient)}, scale, s,
                     mask, head == group * group_heads, scratch,
                     {queries(gradients.query), keys(gradients.key), keys(gradients.value)});
      }
    }
  };
  // Some heads each, which share their scratch, but tasks enough for threads to end together.
  const std::size_t tasks = sequences.size() * groups;
  const std::size_t threads = pool == nullptr ? 1 : static_cast<std::size_t>(pool->size());
  ParallelFor(pool, tasks, std::max<std::size_t>(tasks / (8 * threads), 1), body);
}

}  // namespace fovea
