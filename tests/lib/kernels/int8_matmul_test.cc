#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "lib/base/thread_pool.h"
#include "lib/kernels/int8_matrix.h"
#include "lib/kernels/isa.h"
#include "tests/reference/weights.h"
#include "tests/support/expect_error.h"

namespace fovea {
namespace {

using reference::RandomFloats;

// The Sylvester–Hadamard matrix of order 8 over numbers n / 8 apart, in integers' own order of
// sums.
std::vector<float> Rotated(std::vector<float> row) {
  const std::size_t n = row.size();
  if (n == 0 || n % 128 != 0) return row;
  for (std::size_t distance = n / 2; distance >= n / 8; distance /= 2) {
    for (std::size_t i = 0; i < n; ++i) {
      if (i / distance % 2 != 0) continue;
      const float a = row[i];
      const float b = row[i + distance];
      row[i] = a + b;
      row[i + distance] = a - b;
    }
  }
  return row;
}

struct Codes {
  float scale = 0;
  std::vector<int> codes;
};

Codes Quantized(const std::vector<float>& row) {
  Codes result;
  result.codes.assign(row.size(), 0);
  float largest = 0;
  for (const float x : row) largest = std::max(largest, std::fabs(x));
  if (largest < 1e-30f) return result;
  result.scale = largest / 127;
  const float factor = 127 / largest;
  for (std::size_t i = 0; i < row.size(); ++i)
    result.codes[i] = std::clamp(static_cast<int>(std::nearbyint(row[i] * factor)), -127, 127);
  return result;
}

// out[t, n] of the definition in int8_matrix.h, with the integer sum in 64 bits.
Matrix Reference(ConstMatrixView input, const std::vector<float>& weights, std::size_t outputs) {
  Matrix out(input.rows, outputs);
  const std::size_t n = input.cols;
  const float shrink = n > 0 && n % 128 == 0 ? 0.125f : 1.0f;
  std::vector<Codes> columns;
  for (std::size_t o = 0; o < outputs; ++o)
    columns.push_back(Quantized(Rotated({weights.begin() + o * n, weights.begin() + (o + 1) * n})));
  for (std::size_t t = 0; t < input.rows; ++t) {
    const Codes row = Quantized(Rotated({input.row(t), input.row(t) + n}));
    for (std::size_t o = 0; o < outputs; ++o) {
      std::int64_t sum = 0;
      for (std::size_t i = 0; i < n; ++i) sum += row.codes[i] * columns[o].codes[i];
      out.row(t)[o] = static_cast<float>(sum) * row.scale * (columns[o].scale * shrink);
    }
  }
  return out;
}

void ExpectEqualsReference(ConstMatrixView input, const std::vector<float>& weights,
                           std::size_t outputs) {
  const Matrix expected = Reference(input, weights, outputs);
  for (const Isa packed_with : AvailableIsas()) {
    const ScopedIsa packing(packed_with);
    const Int8Matrix matrix = Int8Matrix::Quantize(weights, outputs, input.cols, nullptr);
    for (const Isa isa : AvailableIsas()) {
      const ScopedIsa scoped(isa);
      Matrix out(input.rows, outputs);
      MatMul(input, matrix, {}, out.view(), nullptr);
      for (std::size_t t = 0; t < input.rows; ++t) {
        for (std::size_t o = 0; o < outputs; ++o) {
          ASSERT_EQ(out.row(t)[o], expected.row(t)[o])
              << Name(isa) << " packed with " << Name(packed_with) << ": row " << t << " output "
              << o << " of " << input.rows << " × " << input.cols << " → " << outputs;
        }
      }
    }
  }
}

TEST(Int8MatMul, EqualsTheIntegerReferenceOnEveryIsaAndShape) {
  std::mt19937 random(1);
  for (std::size_t inputs = 1; inputs <= 130; ++inputs) {
    const std::size_t outputs = 1 + inputs * 7 % 83;
    const std::vector<float> weights = RandomFloats(outputs * inputs, random);
    const std::size_t rows = inputs % 5 + 1;
    const std::vector<float> input = RandomFloats(rows * (inputs + 3) + 1, random);
    ExpectEqualsReference({input.data() + 1, rows, inputs, inputs + 3}, weights, outputs);
    if (HasFatalFailure()) return;
  }
}

TEST(Int8MatMul, EqualsTheIntegerReferenceForEveryHeightAndRotatedInputs) {
  std::mt19937 random(2);
  for (const std::size_t inputs : {48u, 128u, 256u, 384u, 1536u}) {
    for (const std::size_t outputs : {1u, 16u, 33u, 64u, 65u}) {
      const std::vector<float> weights = RandomFloats(outputs * inputs, random);
      for (std::size_t rows = 0; rows <= 26; rows += rows < 14 ? 1 : 4) {
        const std::vector<float> input = RandomFloats(rows * inputs + 1, random);
        ExpectEqualsReference({input.data() + 1, rows, inputs, inputs}, weights, outputs);
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST(Int8MatMul, SumsOfTheLargestCodesAreExact) {
  for (const std::size_t inputs : {2u, 47u, 130u, 1600u, 4096u}) {
    for (const int signs : {0, 1, 2, 3}) {
      std::vector<float> weights(17 * inputs);
      std::vector<float> input(3 * inputs);
      for (std::size_t i = 0; i < weights.size(); ++i)
        weights[i] = (signs & 1) != 0 && i % 3 == 0 ? -2.0f : 2.0f;
      for (std::size_t i = 0; i < input.size(); ++i) input[i] = (signs & 2) != 0 ? -1.0f : 1.0f;
      ExpectEqualsReference({input.data(), 3, inputs, inputs}, weights, 17);
      if (HasFatalFailure()) return;
    }
  }
}

TEST(Int8MatMul, RoundsHalvesToEven) {
  // 127 fixes the scale at 1; an identity matrix shows the codes.
  const std::vector<float> input = {127, 0.5f, 1.5f, 2.5f, -0.5f, -1.5f, -2.5f, 126.5f};
  const std::vector<float> codes = {127, 0, 2, 2, 0, -2, -2, 126};
  std::vector<float> identity(64, 0.0f);
  for (std::size_t i = 0; i < 8; ++i) identity[9 * i] = 127;
  for (const Isa isa : AvailableIsas()) {
    const ScopedIsa scoped(isa);
    const Int8Matrix matrix = Int8Matrix::Quantize(identity, 8, 8, nullptr);
    Matrix out(1, 8);
    MatMul({input.data(), 1, 8, 8}, matrix, {}, out.view(), nullptr);
    for (std::size_t i = 0; i < 8; ++i) EXPECT_EQ(out.row(0)[i], codes[i] * 127) << Name(isa);
  }
}

TEST(Int8MatMul, RowsOfZerosOrNextToNothingGiveZerosAndThoseWithNanGiveNan) {
  constexpr std::size_t kInputs = 128;
  std::mt19937 random(3);
  const std::vector<float> weights = RandomFloats(20 * kInputs, random);
  std::vector<float> input(4 * kInputs, 0.0f);
  input[kInputs + 5] = 1e-40f;
  for (std::size_t i = 0; i < kInputs; ++i) input[2 * kInputs + i] = static_cast<float>(i);
  input[2 * kInputs + 7] = std::numeric_limits<float>::quiet_NaN();
  input[3 * kInputs + 9] = std::numeric_limits<float>::infinity();
  for (const Isa isa : AvailableIsas()) {
    const ScopedIsa scoped(isa);
    const Int8Matrix matrix = Int8Matrix::Quantize(weights, 20, kInputs, nullptr);
    Matrix out(4, 20);
    MatMul({input.data(), 4, kInputs, kInputs}, matrix, {}, out.view(), nullptr);
    for (std::size_t o = 0; o < 20; ++o) {
      EXPECT_EQ(out.row(0)[o], 0) << Name(isa);
      EXPECT_EQ(out.row(1)[o], 0) << Name(isa);
      EXPECT_TRUE(std::isnan(out.row(2)[o])) << Name(isa);
      EXPECT_FALSE(std::isfinite(out.row(3)[o])) << Name(isa);
    }
  }
}

// The epilogue itself is tested with the f32 product, which shares it.
TEST(Int8MatMul, EpilogueAddsBiasActivatesAndAddsTheResidualInPlace) {
  constexpr std::size_t kRows = 5, kInputs = 32, kOutputs = 70;
  std::mt19937 random(4);
  const std::vector<float> weights = RandomFloats(kOutputs * kInputs, random);
  const std::vector<float> input = RandomFloats(kRows * kInputs, random);
  const std::vector<float> bias = RandomFloats(kOutputs, random);
  const std::vector<float> residual = RandomFloats(kRows * kOutputs, random);
  const Matrix sums = Reference({input.data(), kRows, kInputs, kInputs}, weights, kOutputs);
  for (const Isa isa : AvailableIsas()) {
    const ScopedIsa scoped(isa);
    const Int8Matrix matrix = Int8Matrix::Quantize(weights, kOutputs, kInputs, nullptr);
    Matrix out(kRows, kOutputs);
    std::copy(residual.begin(), residual.end(), out.data());
    Epilogue epilogue;
    epilogue.bias = bias.data();
    epilogue.activation = Activation::kGelu;
    epilogue.residual = out.view();
    MatMul({input.data(), kRows, kInputs, kInputs}, matrix, epilogue, out.view(), nullptr);
    for (std::size_t t = 0; t < kRows; ++t) {
      for (std::size_t o = 0; o < kOutputs; ++o) {
        const double x = static_cast<double>(sums.row(t)[o]) + bias[o];
        const double gelu = 0.5 * x * (1 + std::erf(x / std::sqrt(2.0)));
        EXPECT_NEAR(out.row(t)[o], gelu + residual[t * kOutputs + o],
                    1e-6 * (1 + std::abs(x) + std::abs(residual[t * kOutputs + o])))
            << Name(isa);
      }
    }
  }
}

TEST(Int8MatMul, ARowDependsOnItselfAloneForAnyBatchAndThreads) {
  constexpr std::size_t kRows = 230, kInputs = 384, kOutputs = 200;
  std::mt19937 random(5);
  const std::vector<float> weights = RandomFloats(kOutputs * kInputs, random);
  const std::vector<float> input = RandomFloats(kRows * kInputs, random);
  ThreadPool pool(3);
  for (const Isa isa : AvailableIsas()) {
    const ScopedIsa scoped(isa);
    const Int8Matrix matrix = Int8Matrix::Quantize(weights, kOutputs, kInputs, &pool);
    const ConstMatrixView all{input.data(), kRows, kInputs, kInputs};
    Matrix together(kRows, kOutputs);
    MatMul(all, matrix, {}, together.view(), &pool);
    for (const std::size_t step : {1u, 7u, 100u}) {
      Matrix parts(kRows, kOutputs);
      for (std::size_t row = 0; row < kRows; row += step) {
        const std::size_t end = std::min(row + step, kRows);
        MatMul(all.Rows(row, end), matrix, {}, parts.view().Rows(row, end), nullptr);
      }
      EXPECT_EQ(std::memcmp(together.data(), parts.data(), kRows * kOutputs * sizeof(float)), 0)
          << Name(isa) << " in steps of " << step;
    }
  }
}

TEST(Int8Matrix, RefusesSizesThatDoNotFit) {
  const std::vector<float> weights(65'537);
  EXPECT_ERROR(Int8Matrix::Quantize(weights, 1, 65'537, nullptr), ErrorCode::kInvalidArgument,
               "65536");
  EXPECT_ERROR(Int8Matrix::Quantize(std::span(weights).first(10), 3, 4, nullptr),
               ErrorCode::kInvalidArgument, "3 × 4");
  const Int8Matrix matrix = Int8Matrix::Quantize(std::span(weights).first(12), 3, 4, nullptr);
  Matrix input(2, 4);
  Matrix out(2, 4);
  EXPECT_ERROR(MatMul(input.view(), matrix, {}, out.view(), nullptr), ErrorCode::kInvalidArgument,
               "3 × 4");
}

}  // namespace
}  // namespace fovea
