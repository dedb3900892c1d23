#include "lib/attention/attention_backward.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "lib/base/thread_pool.h"
#include "lib/kernels/isa.h"
#include "tests/reference/attention.h"
#include "tests/reference/training.h"
#include "tests/reference/weights.h"
#include "tests/support/expect_error.h"

namespace fovea {
namespace {

using reference::DoubleMatrix;
using reference::NamedMask;
using reference::ToDouble;

constexpr float kSpread = 1.5f;  // of all inputs

// Inputs and gradients are columns of wider matrices, as a layer's are.
struct Columns {
  Columns(std::size_t rows, std::size_t cols, std::uint32_t seed)
      : matrix(reference::RandomMatrix(rows, cols + 3, kSpread, seed)),
        view(matrix.view().Cols(1, cols + 1)) {}
  Matrix matrix;
  MatrixView view;
};

// One attention with the gradient of its output.
class Case {
 public:
  Case(const AttentionShape& shape, std::size_t queries, std::size_t keys, const NamedMask& mask)
      : shape_(shape),
        mask_(mask),
        query(queries, Width(shape.heads), 1),
        key(keys, Width(shape.kv_heads), 2),
        value(keys, Width(shape.kv_heads), 3),
        seed(queries, Width(shape.heads), 4),
        inputs{ToDouble(query.view), ToDouble(key.view), ToDouble(value.view)} {}

  // Σ seed ⊙ output: its gradient with respect to the output is `seed`.
  double Loss() const {
    const double scale = shape_.scale != 0 ? static_cast<double>(shape_.scale)
                                           : 1 / std::sqrt(static_cast<double>(shape_.head_width));
    const std::vector<double> out =
        reference::Attention(inputs[0], inputs[1], inputs[2],
                             static_cast<std::size_t>(shape_.heads),
                             static_cast<std::size_t>(shape_.kv_heads), scale,
                             [&](std::size_t q, std::size_t k) { return mask_.Sees(q, k); })
            .out;
    double loss = 0;
    for (std::size_t r = 0; r < seed.view.rows; ++r) {
      for (std::size_t i = 0; i < seed.view.cols; ++i)
        loss += out[r * seed.view.cols + i] * static_cast<double>(seed.view.row(r)[i]);
    }
    return loss;
  }

  // Of query, key and value; what lay there before is overwritten.
  std::vector<Matrix> Gradients(ThreadPool* pool) const {
    std::vector<Matrix> gradients;
    for (const DoubleMatrix& input : inputs) {
      gradients.emplace_back(input.rows, input.cols);
      std::fill_n(gradients.back().data(), input.values.size(),
                  std::numeric_limits<float>::quiet_NaN());
    }
    ScaledDotProductAttentionBackward(
        shape_, query.view, key.view, value.view, mask_.mask(), seed.view,
        {gradients[0].view(), gradients[1].view(), gradients[2].view()}, pool);
    return gradients;
  }

  // Each of at most `checked` numbers, evenly spread, of every gradient.
  void ExpectDerivatives(std::size_t checked) {
    const std::vector<Matrix> gradients = Gradients(nullptr);
    for (std::size_t g = 0; g < 3; ++g) {
      const std::size_t count = inputs[g].values.size();
      for (std::size_t n = 0; n < std::min(count, checked); ++n) {
        const std::size_t i = count <= checked ? n : n * count / checked;
        const double want = reference::Derivative([&] { return Loss(); }, inputs[g].values[i]);
        ASSERT_NEAR(gradients[g].data()[i], want, Tolerance()) << "input " << g << " number " << i;
      }
    }
  }

 private:
  std::size_t Width(int heads) const { return static_cast<std::size_t>(heads * shape_.head_width); }

  // A gradient is a sum over up to `terms` keys or queries (of all heads of a group) of
  // dS · input, |dS| ≤ 2 |dP| ≤ 2 Dh kSpread²; roundings of such chains go with the root of their
  // number, and 5 of those standard deviations leave no seed to chance. Finite differences of step
  // 1e-4 add 1e-8 of the third derivative, well below.
  double Tolerance() const {
    const auto terms = static_cast<double>(std::max(query.view.rows, key.view.rows)) *
                       shape_.heads / shape_.kv_heads;
    constexpr double kUlp = std::numeric_limits<float>::epsilon() / 2;
    const double largest = 2 * shape_.head_width * std::pow(static_cast<double>(kSpread), 3);
    return 5 * std::sqrt(terms + 2 * shape_.head_width + 16) * kUlp * largest;
  }

  AttentionShape shape_;
  NamedMask mask_;

 public:
  Columns query, key, value, seed;
  std::vector<DoubleMatrix> inputs;
};

constexpr AttentionShape kEqual = {.heads = 3, .kv_heads = 3, .head_width = 4};
constexpr AttentionShape kGrouped = {.heads = 4, .kv_heads = 2, .head_width = 3, .scale = 0.7f};

class AttentionBackward : public testing::TestWithParam<NamedMask> {};

TEST_P(AttentionBackward, EveryGradientIsTheDerivative) {
  for (const AttentionShape& shape : {kEqual, kGrouped}) {
    SCOPED_TRACE(shape.heads);
    Case(shape, 5, 7, GetParam()).ExpectDerivatives(1000);
  }
}

TEST_P(AttentionBackward, WhatSeesNothingOrIsNotSeenGetsZeros) {
  const std::vector<Matrix> gradients = Case(kGrouped, 5, 7, GetParam()).Gradients(nullptr);
  const auto zero = [](const Matrix& matrix, std::size_t row) {
    const auto numbers = matrix.row(row);
    return std::all_of(numbers.begin(), numbers.end(), [](float x) { return x == 0; });
  };
  for (std::size_t q = 0; q < 5; ++q) {
    int sees = 0;
    for (std::size_t k = 0; k < 7; ++k) sees += GetParam().Sees(q, k) ? 1 : 0;
    // A single key has all the weight, whatever the query.
    EXPECT_EQ(zero(gradients[0], q), sees < 2) << q;
  }
  for (std::size_t k = 0; k < 7; ++k) {
    bool seen = false;
    for (std::size_t q = 0; q < 5; ++q) seen = seen || GetParam().Sees(q, k);
    EXPECT_EQ(zero(gradients[2], k), !seen) << k;
  }
}

TEST_P(AttentionBackward, ThreadsChangeNoBit) {
  ThreadPool pool(3);
  for (const AttentionShape& shape : {kEqual, kGrouped}) {
    const Case attention(shape, 5, 7, GetParam());
    const std::vector<Matrix> one = attention.Gradients(nullptr);
    const std::vector<Matrix> three = attention.Gradients(&pool);
    for (std::size_t g = 0; g < 3; ++g) {
      const std::size_t bytes = one[g].rows() * one[g].cols() * sizeof(float);
      EXPECT_EQ(std::memcmp(one[g].data(), three[g].data(), bytes), 0) << g;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Masks, AttentionBackward,
                         testing::ValuesIn(reference::MasksOfFiveQueriesAndSevenKeys()),
                         [](const auto& mask) { return mask.param.name; });

// Lengths that fill no tile, of self-attention over a ragged batch and of cross-attention.
TEST(AttentionBackwardOnEveryIsa, IsTheDerivative) {
  constexpr AttentionShape kShape = {.heads = 2, .kv_heads = 2, .head_width = 17};
  const std::vector<std::size_t> starts = {0, 1, 20, 53};
  const std::vector<NamedMask> masks = {
      {.name = "self", .query_starts = starts, .key_starts = starts},
      {.name = "cross", .query_starts = {0, 31, 33, 53}, .key_starts = starts},
      {.name = "causal", .causal = true}};
  for (const Isa isa : AvailableIsas()) {
    const ScopedIsa scoped(isa);
    for (const NamedMask& mask : masks) {
      SCOPED_TRACE(testing::Message() << Name(isa) << " " << mask.name);
      Case(kShape, 53, 53, mask).ExpectDerivatives(40);
    }
  }
}

TEST(AttentionBackwardShapes, ThatDoNotFitAreRefused) {
  const Matrix query = reference::RandomMatrix(2, 8, 1, 1);
  const Matrix key = reference::RandomMatrix(3, 4, 1, 2);
  Matrix dquery(2, 8), dkey(3, 4), dvalue(3, 4), narrow(3, 3);
  AttentionShape shape = {.heads = 2, .kv_heads = 1, .head_width = 4};
  const auto run = [&](ConstMatrixView values, MatrixView key_gradient) {
    ScaledDotProductAttentionBackward(shape, query.view(), key.view(), values, {}, query.view(),
                                      {dquery.view(), key_gradient, dvalue.view()}, nullptr);
  };
  run(key.view(), dkey.view());
  EXPECT_ERROR(run(narrow.view(), dkey.view()), ErrorCode::kInvalidArgument, "as wide as");
  EXPECT_ERROR(run(key.view().Rows(0, 2), dkey.view()), ErrorCode::kInvalidArgument, "as wide as");
  EXPECT_ERROR(run(key.view(), narrow.view()), ErrorCode::kInvalidArgument, "a gradient");
  for (const int kv_heads : {0, 2, 3}) {
    shape.kv_heads = kv_heads;
    EXPECT_ERROR(run(key.view(), dkey.view()), ErrorCode::kInvalidArgument, "backward");
  }
}

}  // namespace
}  // namespace fovea
