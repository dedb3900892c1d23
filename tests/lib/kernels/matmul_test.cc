#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "lib/base/thread_pool.h"
#include "lib/kernels/isa.h"
#include "lib/kernels/kernels.h"
#include "tests/reference/weights.h"
#include "tests/support/expect_error.h"

namespace fovea {
namespace {

using reference::BlockWeights;
using reference::kWeightTypes;
using reference::RandomFloats;
using reference::RandomWeights;
using reference::Weights;

constexpr double kUlp = std::numeric_limits<float>::epsilon() / 2;

// Inputs laid one float past an aligned address, rows further apart than they are long.
struct LooseMatrix {
  LooseMatrix(std::size_t rows, std::size_t cols, std::mt19937& random)
      : storage(RandomFloats(rows * (cols + 3) + 1, random)) {
    view = {storage.data() + 1, rows, cols, cols + 3};
  }
  std::vector<float> storage;
  MatrixView view;
};

// |error| of a chain of n multiply-adds, each rounding once or twice: (2n + slack) ulp of Σ|x w|
// (Higham 2002, section 3.1).
double ChainBound(std::size_t n, double magnitude, double slack) {
  return (2 * static_cast<double>(n) + slack) * kUlp * magnitude;
}

void ExpectProduct(const Weights& weights, std::size_t outputs, ConstMatrixView input,
                   ConstMatrixView out) {
  for (std::size_t t = 0; t < input.rows; ++t) {
    for (std::size_t n = 0; n < outputs; ++n) {
      double sum = 0;
      double magnitude = 0;
      for (std::size_t i = 0; i < input.cols; ++i) {
        const double term =
            static_cast<double>(input.row(t)[i]) * weights.values[n * input.cols + i];
        sum += term;
        magnitude += std::abs(term);
      }
      ASSERT_NEAR(out.row(t)[n], sum, ChainBound(input.cols, magnitude, 2))
          << "row " << t << " output " << n;
    }
  }
}

TEST(MatMul, EqualsTheDoubleReferenceOnEveryIsaTypeAndShape) {
  std::mt19937 random(1);
  for (WeightType type : kWeightTypes) {
    for (std::size_t outputs : {1u, 15u, 16u, 17u, 31u, 33u, 64u, 70u, 130u}) {
      for (std::size_t inputs : {1u, 2u, 15u, 17u, 32u, 64u, 96u, 256u, 257u, 288u, 512u, 576u}) {
        if (inputs % BlockWeights(type) != 0) continue;
        const Weights weights = RandomWeights(type, outputs, inputs, random);
        const PackedMatrix packed(type, weights.bytes, outputs, inputs);
        for (std::size_t rows : {1u, 2u, 3u, 5u, 7u, 11u, 13u, 25u}) {
          const LooseMatrix input(rows, inputs, random);
          LooseMatrix out(rows, outputs, random);
          for (Isa isa : AvailableIsas()) {
            const ScopedIsa scoped(isa);
            SCOPED_TRACE(testing::Message() << Name(isa) << " type " << static_cast<int>(type)
                                            << " " << rows << " × " << inputs << " → " << outputs);
            MatMul(input.view, packed, {}, out.view, nullptr);
            ExpectProduct(weights, outputs, input.view, out.view);
            if (HasFatalFailure()) return;
          }
        }
      }
    }
  }
}

TEST(MatMul, WritesNothingOutsideItsOutput) {
  std::mt19937 random(2);
  const Weights weights = RandomWeights(WeightType::kF32, 37, 40, random);
  const PackedMatrix packed(WeightType::kF32, weights.bytes, 37, 40);
  for (Isa isa : AvailableIsas()) {
    const ScopedIsa scoped(isa);
    const LooseMatrix input(14, 40, random);
    LooseMatrix out(14, 37, random);
    const std::vector<float> before = out.storage;
    MatMul(input.view, packed, {}, out.view, nullptr);
    EXPECT_EQ(out.storage[0], before[0]);
    for (std::size_t r = 0; r < 14; ++r) {
      for (std::size_t i = 37; i < 40; ++i)
        EXPECT_EQ(out.view.row(r)[i], before[1 + r * 40 + i]) << Name(isa);
    }
  }
}

TEST(MatMul, NoInputsGivesTheEpilogueOfZero) {
  const PackedMatrix packed(WeightType::kF32, {}, 5, 0);
  const float bias[] = {1, 2, 3, 4, 5};
  for (Isa isa : AvailableIsas()) {
    const ScopedIsa scoped(isa);
    Matrix out(3, 5);
    MatMul({nullptr, 3, 0, 0}, packed, {.bias = bias}, out.view(), nullptr);
    for (std::size_t r = 0; r < 3; ++r) {
      for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(out.row(r)[i], bias[i]);
    }
    MatMul({nullptr, 0, 0, 0}, packed, {}, Matrix(0, 5).view(), nullptr);
  }
}

double Activate(Activation activation, double x) {
  if (activation == Activation::kGelu) return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0)));
  if (activation == Activation::kSilu) return x / (1 + std::exp(-x));
  return x;
}

TEST(MatMul, EpilogueAddsBiasActivatesMultipliesAndAddsResidualInThatOrder) {
  std::mt19937 random(3);
  constexpr std::size_t kRows = 14, kInputs = 8, kOutputs = 75;
  Weights weights = RandomWeights(WeightType::kF32, kOutputs, kInputs, random);
  const PackedMatrix packed(WeightType::kF32, weights.bytes, kOutputs, kInputs);
  LooseMatrix input(kRows, kInputs, random);
  for (float& x : input.storage) x *= 12;  // into the flat ends of the activations
  const std::vector<float> bias = RandomFloats(kOutputs + 1, random);
  const LooseMatrix multiplier(kRows, kOutputs, random);
  const LooseMatrix residual(kRows, kOutputs, random);
  for (Isa isa : AvailableIsas()) {
    const ScopedIsa scoped(isa);
    for (int steps = 0; steps < 24; ++steps) {
      Epilogue epilogue;
      if (steps & 1) epilogue.bias = bias.data() + 1;
      if (steps & 2) epilogue.multiplier = multiplier.view;
      if (steps & 4) epilogue.residual = residual.view;
      epilogue.activation = static_cast<Activation>(steps / 8);
      LooseMatrix out(kRows, kOutputs, random);
      MatMul(input.view, packed, epilogue, out.view, nullptr);
      for (std::size_t t = 0; t < kRows; ++t) {
        for (std::size_t n = 0; n < kOutputs; ++n) {
          double sum = steps & 1 ? bias[n + 1] : 0;
          double magnitude = std::abs(sum);
          for (std::size_t i = 0; i < kInputs; ++i) {
            sum += input.view.row(t)[i] * weights.values[n * kInputs + i];
            magnitude += std::abs(input.view.row(t)[i] * weights.values[n * kInputs + i]);
          }
          double expected = Activate(epilogue.activation, sum);
          // Slopes of both activations stay below 1.13; they add 8 ulp of |x| at most (erf near −1
          // cancels against 1).
          double bound = 1.13 * ChainBound(kInputs, magnitude, 2) + 8 * kUlp * std::abs(sum);
          if (steps & 2) expected *= multiplier.view.row(t)[n];
          if (steps & 4) expected += residual.view.row(t)[n];
          bound += 2 * kUlp * (std::abs(expected) + 1);
          ASSERT_NEAR(out.view.row(t)[n], expected, bound) << Name(isa) << " steps " << steps;
        }
      }
    }
  }
}

TEST(MatMul, ResidualMayBeTheOutput) {
  std::mt19937 random(4);
  const Weights weights = RandomWeights(WeightType::kF32, 70, 300, random);
  const PackedMatrix packed(WeightType::kF32, weights.bytes, 70, 300);
  const LooseMatrix input(13, 300, random);
  const LooseMatrix residual(13, 70, random);
  for (Isa isa : AvailableIsas()) {
    const ScopedIsa scoped(isa);
    Matrix expected(13, 70);
    MatMul(input.view, packed, {.residual = residual.view}, expected.view(), nullptr);
    LooseMatrix out = residual;
    out.view.data = out.storage.data() + 1;
    MatMul(input.view, packed, {.residual = out.view}, out.view, nullptr);
    for (std::size_t r = 0; r < 13; ++r) {
      EXPECT_EQ(std::memcmp(out.view.row(r), expected.row(r).data(), 70 * sizeof(float)), 0)
          << Name(isa);
    }
  }
}

// A row in batches of any size, and in one with any number of threads.
void ExpectRowsAlike(const PackedMatrix& packed, ConstMatrixView input, const Epilogue& epilogue) {
  const std::size_t rows = input.rows;
  const std::size_t row_bytes = packed.outputs() * sizeof(float);
  Matrix all(rows, packed.outputs());
  MatMul(input, packed, epilogue, all.view(), nullptr);
  for (std::size_t batch : {1u, 2u, 3u, 4u, 5u, 11u, 12u, 13u, 97u}) {
    Matrix part(batch, packed.outputs());
    for (std::size_t row = 0; row + batch <= rows; row += 37) {
      MatMul(input.Rows(row, row + batch), packed, epilogue, part.view(), nullptr);
      ASSERT_EQ(std::memcmp(part.data(), all.row(row).data(), batch * row_bytes), 0)
          << "batch " << batch;
    }
  }
  for (int threads : {1, 2, 5}) {
    ThreadPool pool(threads);
    Matrix out(rows, packed.outputs());
    MatMul(input, packed, epilogue, out.view(), &pool);
    ASSERT_EQ(std::memcmp(out.data(), all.data(), rows * row_bytes), 0) << threads << " threads";
  }
}

TEST(MatMul, ARowIsBitIdenticalInAnyBatchBlockAndThreadCount) {
  std::mt19937 random(5);
  for (WeightType type : kWeightTypes) {
    constexpr std::size_t kRows = 211, kOutputs = 150;
    const std::size_t inputs = BlockWeights(type) == 256 ? 768 : 576;
    const Weights weights = RandomWeights(type, kOutputs, inputs, random);
    const LooseMatrix input(kRows, inputs, random);
    const std::vector<float> bias = RandomFloats(kOutputs, random);
    const Epilogue epilogue = {.bias = bias.data(), .activation = Activation::kGelu};
    for (InputPrecision precision :
         {InputPrecision::kF32, InputPrecision::kInt16, InputPrecision::kInt8}) {
      const PackedMatrix packed(type, weights.bytes, kOutputs, inputs, {.precision = precision});
      if (packed.precision() != precision) continue;  // F32 and F16 have the first alone.
      for (Isa isa : AvailableIsas()) {
        const ScopedIsa scoped(isa);
        SCOPED_TRACE(testing::Message() << Name(isa) << " type " << static_cast<int>(type)
                                        << " precision " << static_cast<int>(precision));
        ExpectRowsAlike(packed, input.view, epilogue);
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST(MatMul, ShapesThatDoNotFitAreRefused) {
  const PackedMatrix packed(WeightType::kF32, std::vector<std::byte>(4 * 6 * 5), 6, 5);
  Matrix input(2, 5), out(2, 6), wrong(2, 5);
  EXPECT_ERROR(MatMul(out.view(), packed, {}, out.view(), nullptr), ErrorCode::kInvalidArgument,
               "input");
  EXPECT_ERROR(MatMul(input.view(), packed, {}, wrong.view(), nullptr), ErrorCode::kInvalidArgument,
               "output");
  EXPECT_ERROR(MatMul(input.view(), packed, {.residual = wrong.view()}, out.view(), nullptr),
               ErrorCode::kInvalidArgument, "epilogue");
}

}  // namespace
}  // namespace fovea
