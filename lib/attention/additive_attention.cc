#include "lib/attention/additive_attention.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "lib/attention/mask_sequences.h"
#include "lib/base/error.h"
#include "lib/base/thread_pool.h"
#include "lib/kernels/kernels.h"

namespace fovea {
namespace {

// The inputs, and what a query of one head does with them.
struct Additive {
  AttentionShape shape;
  ConstMatrixView query, key, value, score;
  const AttentionMask& mask;
  std::vector<MaskSequence> sequences;

  std::size_t heads() const { return static_cast<std::size_t>(shape.heads); }
  std::size_t width() const { return static_cast<std::size_t>(shape.head_width); }

  const float* OfHead(ConstMatrixView view, std::size_t row, std::size_t head) const {
    return view.row(row) + head * width();
  }

  float Tanh(std::size_t q, std::size_t k, std::size_t head, std::size_t i) const {
    return std::tanh(OfHead(query, q, head)[i] + OfHead(key, k, head)[i]);
  }

  // Softmax over the keys that query q sees.
  std::vector<float> Weights(const MaskSequence& sequence, std::size_t q, std::size_t head) const {
    std::vector<float> weights(sequence.Visible(mask, q));
    for (std::size_t k = 0; k < weights.size(); ++k) {
      for (std::size_t i = 0; i < width(); ++i)
        weights[k] += score.row(head)[i] * Tanh(q, sequence.key_begin + k, head, i);
    }
    SoftmaxInPlace(weights);
    return weights;
  }
};

Additive Checked(const AttentionShape& shape, ConstMatrixView query, ConstMatrixView key,
                 ConstMatrixView value, ConstMatrixView score, const AttentionMask& mask,
                 ConstMatrixView out) {
  const auto heads = static_cast<std::size_t>(shape.heads);
  const auto width = static_cast<std::size_t>(shape.head_width);
  const auto fits = [&](ConstMatrixView view, std::size_t rows) {
    return view.rows == rows && view.cols == heads * width;
  };
  if (shape.heads < 1 || shape.kv_heads != shape.heads || !fits(query, query.rows) ||
      !fits(key, key.rows) || !fits(value, key.rows) || !fits(out, query.rows) ||
      score.rows != heads || score.cols != width) {
    throw Error(ErrorCode::kInvalidArgument,
                "additive attention: queries, keys, values and output must be as wide as the heads "
                "together, with a score vector for each head and no grouped heads");
  }
  return {shape, query, key, value, score, mask, SequencesOf(mask, query.rows, key.rows)};
}

void Zero(MatrixView view) {
  for (std::size_t r = 0; r < view.rows; ++r) std::fill_n(view.row(r), view.cols, 0.0f);
}

}  // namespace

void AdditiveAttention(const AttentionShape& shape, ConstMatrixView query, ConstMatrixView key,
                       ConstMatrixView value, ConstMatrixView score, const AttentionMask& mask,
                       MatrixView out, MatrixView weights, ThreadPool* pool) {
  const Additive additive = Checked(shape, query, key, value, score, mask, out);
  Zero(out);
  if (weights.data != nullptr) Zero(weights);
  for (const MaskSequence& sequence : additive.sequences) {
    const auto body = [&](std::size_t begin, std::size_t end) {
      for (std::size_t q = sequence.query_begin + begin; q < sequence.query_begin + end; ++q) {
        for (std::size_t head = 0; head < additive.heads(); ++head) {
          const std::vector<float> row = additive.Weights(sequence, q, head);
          float* sums = out.row(q) + head * additive.width();
          for (std::size_t k = 0; k < row.size(); ++k) {
            const float* values = additive.OfHead(value, sequence.key_begin + k, head);
            for (std::size_t i = 0; i < additive.width(); ++i) sums[i] += row[k] * values[i];
          }
          if (weights.data != nullptr)
            std::copy(row.begin(), row.end(),
                      weights.row(head * query.rows + q) + sequence.key_begin);
        }
      }
    };
    ParallelFor(pool, sequence.query_end - sequence.query_begin, 1, body);
  }
}

namespace {

// One query of one head.
void QueryBackward(const Additive& additive, const MaskSequence& sequence, std::size_t q,
                   std::size_t head, ConstMatrixView out_gradient,
                   const AttentionGradients& gradients, std::span<float> score_gradient) {
  const std::size_t width = additive.width();
  const std::size_t column = head * width;
  const float* dout = out_gradient.row(q) + column;
  const std::vector<float> weights = additive.Weights(sequence, q, head);
  std::vector<float> dweights(weights.size());
  float mean = 0;
  for (std::size_t k = 0; k < weights.size(); ++k) {
    const std::size_t row = sequence.key_begin + k;
    for (std::size_t i = 0; i < width; ++i) {
      dweights[k] += dout[i] * additive.value.row(row)[column + i];
      gradients.value.row(row)[column + i] += weights[k] * dout[i];
    }
    mean += weights[k] * dweights[k];
  }
  for (std::size_t k = 0; k < weights.size(); ++k) {
    const std::size_t row = sequence.key_begin + k;
    const float dscore = weights[k] * (dweights[k] - mean);
    for (std::size_t i = 0; i < width; ++i) {
      const float e = additive.Tanh(q, row, head, i);
      const float dsum = dscore * additive.score.row(head)[i] * (1 - e * e);
      score_gradient[i] += dscore * e;
      gradients.query.row(q)[column + i] += dsum;
      gradients.key.row(row)[column + i] += dsum;
    }
  }
}

}  // namespace

void AdditiveAttentionBackward(const AttentionShape& shape, ConstMatrixView query,
                               ConstMatrixView key, ConstMatrixView value, ConstMatrixView score,
                               const AttentionMask& mask, ConstMatrixView out_gradient,
                               const AttentionGradients& gradients, MatrixView score_gradient,
                               ThreadPool* pool) {
  const Additive additive = Checked(shape, query, key, value, score, mask, out_gradient);
  for (const MatrixView& view : {gradients.query, gradients.key, gradients.value}) Zero(view);
  // A head has its own columns of all gradients: the order of its sums is that of the loops.
  const auto body = [&](std::size_t begin, std::size_t end) {
    for (std::size_t head = begin; head < end; ++head) {
      for (const MaskSequence& sequence : additive.sequences) {
        for (std::size_t q = sequence.query_begin; q < sequence.query_end; ++q)
          QueryBackward(additive, sequence, q, head, out_gradient, gradients,
                        score_gradient.row_span(head));
      }
    }
  };
  ParallelFor(pool, additive.heads(), 1, body);
}

}  // namespace fovea
