#include "lib/attention/additive_attention.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "lib/base/thread_pool.h"
#include "tests/reference/attention.h"
#include "tests/reference/training.h"
#include "tests/reference/weights.h"
#include "tests/support/expect_error.h"

namespace fovea {
namespace {

using reference::DoubleMatrix;
using reference::ToDouble;

constexpr std::size_t kHeads = 3, kWidth = 4, kQueries = 5, kKeys = 7;
constexpr AttentionShape kShape = {.heads = kHeads, .kv_heads = kHeads, .head_width = kWidth};

Matrix Random(std::size_t rows, std::size_t cols, std::uint32_t seed) {
  return reference::RandomMatrix(rows, cols, 1.5f, seed);
}

class AdditiveAttentionTest : public testing::TestWithParam<reference::NamedMask> {
 protected:
  // By the formula, a query and head at a time.
  DoubleMatrix Out() const {
    DoubleMatrix out = DoubleMatrix::Zeros(kQueries, kHeads * kWidth);
    for (std::size_t q = 0; q < kQueries; ++q) {
      for (std::size_t h = 0; h < kHeads; ++h) {
        std::vector<double> masses(kKeys);
        double sum = 0;
        for (std::size_t k = 0; k < kKeys; ++k) {
          if (!GetParam().Sees(q, k)) continue;
          double s = 0;
          for (std::size_t i = 0; i < kWidth; ++i)
            s += score_.at(h, i) *
                 std::tanh(query_.at(q, h * kWidth + i) + key_.at(k, h * kWidth + i));
          sum += masses[k] = std::exp(s);
        }
        for (std::size_t k = 0; k < kKeys && sum > 0; ++k) {
          for (std::size_t i = 0; i < kWidth; ++i)
            out.at(q, h * kWidth + i) += masses[k] / sum * value_.at(k, h * kWidth + i);
        }
      }
    }
    return out;
  }

  double Loss() const {
    const DoubleMatrix out = Out();
    double loss = 0;
    for (std::size_t i = 0; i < out.values.size(); ++i) loss += out.values[i] * seed_.data()[i];
    return loss;
  }

  struct Gradients {
    Matrix query{kQueries, kHeads*kWidth}, key{kKeys, kHeads*kWidth}, value{kKeys, kHeads*kWidth},
        score{kHeads, kWidth};
  };
  Gradients Backward(ThreadPool* pool) const {
    Gradients g;
    std::fill_n(g.score.data(), kHeads * kWidth, 0.0f);
    AdditiveAttentionBackward(kShape, q_.view(), k_.view(), v_.view(), s_.view(), GetParam().mask(),
                              seed_.view(), {g.query.view(), g.key.view(), g.value.view()},
                              g.score.view(), pool);
    return g;
  }

  const Matrix q_ = Random(kQueries, kHeads* kWidth, 1);
  const Matrix k_ = Random(kKeys, kHeads* kWidth, 2);
  const Matrix v_ = Random(kKeys, kHeads* kWidth, 3);
  const Matrix s_ = Random(kHeads, kWidth, 4);
  const Matrix seed_ = Random(kQueries, kHeads* kWidth, 5);
  DoubleMatrix query_ = ToDouble(q_.view()), key_ = ToDouble(k_.view()),
               value_ = ToDouble(v_.view()), score_ = ToDouble(s_.view());
};

// A few dozen roundings of 6e-8 on numbers of order 1 to 10.
constexpr double kTolerance = 1e-5;

TEST_P(AdditiveAttentionTest, IsTheFormulaAndItsWeightsSumToOne) {
  Matrix out(kQueries, kHeads * kWidth), weights(kHeads * kQueries, kKeys);
  AdditiveAttention(kShape, q_.view(), k_.view(), v_.view(), s_.view(), GetParam().mask(),
                    out.view(), weights.view(), nullptr);
  const DoubleMatrix want = Out();
  for (std::size_t i = 0; i < want.values.size(); ++i)
    EXPECT_NEAR(out.data()[i], want.values[i], kTolerance) << i;
  for (std::size_t row = 0; row < weights.rows(); ++row) {
    const std::size_t q = row % kQueries;
    double sum = 0;
    bool sees_any = false;
    for (std::size_t k = 0; k < kKeys; ++k) {
      sum += static_cast<double>(weights.row(row)[k]);
      sees_any = sees_any || GetParam().Sees(q, k);
      if (!GetParam().Sees(q, k)) {
        EXPECT_EQ(weights.row(row)[k], 0) << q << " " << k;
      }
    }
    EXPECT_NEAR(sum, sees_any ? 1 : 0, kTolerance);
  }
}

TEST_P(AdditiveAttentionTest, EveryGradientIsTheDerivative) {
  const Gradients got = Backward(nullptr);
  const auto check = [&](DoubleMatrix& input, const Matrix& gradient, const char* name) {
    for (std::size_t i = 0; i < input.values.size(); ++i) {
      const double want = reference::Derivative([&] { return Loss(); }, input.values[i]);
      EXPECT_NEAR(gradient.data()[i], want, kTolerance) << name << " " << i;
    }
  };
  check(query_, got.query, "query");
  check(key_, got.key, "key");
  check(value_, got.value, "value");
  check(score_, got.score, "score");
}

TEST_P(AdditiveAttentionTest, ThreadsChangeNoBit) {
  ThreadPool pool(3);
  const Gradients one = Backward(nullptr), three = Backward(&pool);
  const auto same = [](const Matrix& a, const Matrix& b) {
    return std::memcmp(a.data(), b.data(), a.rows() * a.cols() * sizeof(float)) == 0;
  };
  EXPECT_TRUE(same(one.query, three.query) && same(one.key, three.key) &&
              same(one.value, three.value) && same(one.score, three.score));
  Matrix a(kQueries, kHeads * kWidth), b(kQueries, kHeads * kWidth);
  for (const auto& [out, threads] : {std::pair{&a, static_cast<ThreadPool*>(nullptr)}, {&b, &pool}})
    AdditiveAttention(kShape, q_.view(), k_.view(), v_.view(), s_.view(), GetParam().mask(),
                      out->view(), {}, threads);
  EXPECT_TRUE(same(a, b));
}

INSTANTIATE_TEST_SUITE_P(Masks, AdditiveAttentionTest,
                         testing::ValuesIn(reference::MasksOfFiveQueriesAndSevenKeys()),
                         [](const auto& mask) { return mask.param.name; });

TEST(AdditiveAttention, RefusesShapesThatDoNotFit) {
  const Matrix query = Random(2, 8, 1), score = Random(2, 4, 2), narrow = Random(2, 6, 3);
  Matrix out(2, 8);
  AttentionShape shape = {.heads = 2, .kv_heads = 2, .head_width = 4};
  const auto run = [&](const Matrix& key, const Matrix& scores) {
    AdditiveAttention(shape, query.view(), key.view(), key.view(), scores.view(), {}, out.view(),
                      {}, nullptr);
  };
  run(query, score);
  EXPECT_ERROR(run(narrow, score), ErrorCode::kInvalidArgument, "additive attention");
  EXPECT_ERROR(run(query, narrow), ErrorCode::kInvalidArgument, "a score vector");
  shape.kv_heads = 1;
  EXPECT_ERROR(run(query, score), ErrorCode::kInvalidArgument, "grouped");
}

}  // namespace
}  // namespace fovea
