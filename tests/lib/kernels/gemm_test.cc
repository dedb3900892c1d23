#include "lib/kernels/gemm.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <random>
#include <tuple>

#include "lib/base/thread_pool.h"
#include "lib/kernels/isa.h"
#include "tests/support/expect_error.h"

namespace fovea {
namespace {

Matrix RandomMatrix(std::size_t rows, std::size_t cols, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> uniform(-1, 1);
  Matrix matrix(rows, cols);
  for (std::size_t i = 0; i < rows * cols; ++i) matrix.data()[i] = uniform(random);
  return matrix;
}

struct Shape {
  std::size_t rows, columns, depth;
};

class GemmTest : public testing::TestWithParam<Isa> {};

// |error| of a chain of K multiply-adds in f32: at most K · 2⁻²⁴ · Σ|a b|, Σ|a b| <= K here.
double Bound(std::size_t depth) {
  return std::ldexp(static_cast<double>(depth * depth + 1), -24) + 1e-6;
}

void Check(const Shape& shape, bool transpose_a, bool transpose_b, bool accumulate,
           bool with_bias) {
  SCOPED_TRACE(testing::Message() << shape.rows << " x " << shape.columns << " x " << shape.depth
                                  << (transpose_a ? " Aᵀ" : "") << (transpose_b ? " Bᵀ" : "")
                                  << (accumulate ? " +=" : "") << (with_bias ? " + bias" : ""));
  const Matrix a = transpose_a ? RandomMatrix(shape.depth, shape.rows, 1)
                               : RandomMatrix(shape.rows, shape.depth, 1);
  const Matrix b = transpose_b ? RandomMatrix(shape.columns, shape.depth, 2)
                               : RandomMatrix(shape.depth, shape.columns, 2);
  const Matrix bias = RandomMatrix(1, shape.columns, 6);
  Matrix c = RandomMatrix(shape.rows, shape.columns, 3);
  const Matrix before = c.Clone();
  ThreadPool pool(2);
  Gemm(a.view(), b.view(),
       {.transpose_a = transpose_a,
        .transpose_b = transpose_b,
        .accumulate = accumulate,
        .bias = with_bias ? bias.data() : nullptr},
       c.view(), &pool);
  for (std::size_t m = 0; m < shape.rows; ++m) {
    for (std::size_t n = 0; n < shape.columns; ++n) {
      double sum = accumulate ? static_cast<double>(before.row(m)[n]) : 0.0;
      if (with_bias) sum += static_cast<double>(bias.data()[n]);
      for (std::size_t k = 0; k < shape.depth; ++k) {
        sum += static_cast<double>(transpose_a ? a.row(k)[m] : a.row(m)[k]) *
               static_cast<double>(transpose_b ? b.row(n)[k] : b.row(k)[n]);
      }
      ASSERT_NEAR(c.row(m)[n], sum, Bound(shape.depth)) << m << ", " << n;
    }
  }
}

TEST_P(GemmTest, IsTheProductForEveryTransposition) {
  const ScopedIsa isa(GetParam());
  for (const Shape& shape : {Shape{1, 1, 1},
                             {3, 17, 5},
                             {13, 64, 257},
                             {97, 70, 31},
                             {400, 33, 12},
                             {5, 16, 0},
                             {2, 130, 300}}) {
    for (const bool transpose_a : {false, true}) {
      for (const bool transpose_b : {false, true}) {
        for (const bool accumulate : {false, true}) {
          Check(shape, transpose_a, transpose_b, accumulate, false);
          Check(shape, transpose_a, transpose_b, accumulate, true);
        }
      }
    }
  }
}

TEST_P(GemmTest, GivesTheSameBitsForAnyThreadsAndEitherStorage) {
  const ScopedIsa isa(GetParam());
  const Matrix a = RandomMatrix(500, 300, 4);
  const Matrix b = RandomMatrix(300, 150, 5);
  Matrix transposed(300, 500);
  for (std::size_t m = 0; m < 500; ++m) {
    for (std::size_t k = 0; k < 300; ++k) transposed.row(k)[m] = a.row(m)[k];
  }
  Matrix one(500, 150), three(500, 150), other(500, 150);
  ThreadPool pool(3);
  Gemm(a.view(), b.view(), {}, one.view(), nullptr);
  Gemm(a.view(), b.view(), {}, three.view(), &pool);
  Gemm(transposed.view(), b.view(), {.transpose_a = true}, other.view(), &pool);
  for (std::size_t i = 0; i < 500 * 150; ++i) {
    ASSERT_EQ(one.data()[i], three.data()[i]);
    ASSERT_EQ(one.data()[i], other.data()[i]);
  }
}

TEST(Gemm, RefusesShapesThatDoNotFit) {
  const Matrix a(2, 3);
  const Matrix b(4, 5);
  Matrix c(2, 5);
  EXPECT_ERROR(Gemm(a.view(), b.view(), {}, c.view(), nullptr), ErrorCode::kInvalidArgument,
               "2 × 3 and 4 × 5 do not give 2 × 5");
}

INSTANTIATE_TEST_SUITE_P(EveryIsa, GemmTest, testing::ValuesIn(AvailableIsas()),
                         [](const auto& isa) { return std::string(Name(isa.param)); });

}  // namespace
}  // namespace fovea
