#include "lib/kernels/block_matmul.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "lib/kernels/isa.h"
#include "lib/kernels/kernels.h"
#include "tests/reference/weights.h"

namespace fovea {
namespace {

using reference::BlockWeights;
using reference::RandomFloats;
using reference::RandomWeights;
using reference::Weights;

constexpr double kUlp = std::numeric_limits<float>::epsilon() / 2;

constexpr WeightType kBlockTypes[] = {WeightType::kQ8_0, WeightType::kQ4_0, WeightType::kQ4_1,
                                      WeightType::kQ5_0, WeightType::kQ5_1, WeightType::kQ4_K,
                                      WeightType::kQ5_K, WeightType::kQ6_K};
constexpr InputPrecision kPrecisions[] = {InputPrecision::kInt16, InputPrecision::kInt8};

int Largest(InputPrecision precision) { return precision == InputPrecision::kInt8 ? 127 : 32639; }

// u of the largest magnitude that a format has beside its zero, which bounds what its two terms,
// scale · Σ q u and offset · Σ q, can be beyond their sum.
double Spread(WeightType type) { return type == WeightType::kQ8_0 ? 256 : 64; }

// Compares with Σ x w in double. `step` is the largest rounding of an activation relative to the
// largest one of its block of 32. Besides it, a block's terms go through at most 6 roundings, and a
// chain of two sums a block follows (Higham 2002, section 3.1).
void ExpectProduct(WeightType type, const Weights& weights, std::size_t outputs,
                   ConstMatrixView input, ConstMatrixView out, double step) {
  const double chain = 6 + 4 * static_cast<double>(input.cols) / 32;
  for (std::size_t t = 0; t < input.rows; ++t) {
    for (std::size_t n = 0; n < outputs; ++n) {
      double sum = 0;
      double rounding = 0;
      double magnitude = 0;
      for (std::size_t k = 0; k < input.cols; k += 32) {
        double most = 0;
        double weight = 0;
        double largest = 0;
        for (std::size_t i = k; i < k + 32; ++i) {
          const double x = input.row(t)[i];
          const double w = weights.values[n * input.cols + i];
          sum += x * w;
          most = std::max(most, std::abs(x));
          weight += std::abs(w);
          largest = std::max(largest, std::abs(w));
        }
        rounding += step * most * weight;
        magnitude += 32 * most * largest;
      }
      ASSERT_NEAR(out.row(t)[n], sum, rounding + chain * kUlp * magnitude * Spread(type))
          << "row " << t << " output " << n;
    }
  }
}

// Calls check(isa-scoped) for every block type, precision and ISA with packed random weights.
template <typename Check>
void ForEachCase(std::size_t outputs, std::size_t inputs, const Check& check) {
  std::mt19937 random(1);
  for (WeightType type : kBlockTypes) {
    if (inputs % BlockWeights(type) != 0) continue;
    const Weights weights = RandomWeights(type, outputs, inputs, random);
    for (InputPrecision precision : kPrecisions) {
      const PackedMatrix packed(type, weights.bytes, outputs, inputs, {.precision = precision});
      for (Isa isa : AvailableIsas()) {
        const ScopedIsa scoped(isa);
        SCOPED_TRACE(testing::Message()
                     << Name(isa) << " type " << static_cast<int>(type) << " precision "
                     << static_cast<int>(precision) << " " << inputs << " → " << outputs);
        check(type, precision, weights, packed);
        if (testing::Test::HasFatalFailure()) return;
      }
    }
  }
}

TEST(BlockMatMul, ActivationsThatAreWholeNumbersAreMultipliedExactly) {
  std::mt19937 random(2);
  for (std::size_t outputs : {1u, 16u, 17u, 70u}) {
    for (std::size_t inputs : {32u, 96u, 256u, 544u, 768u}) {
      ForEachCase(outputs, inputs, [&](WeightType type, InputPrecision precision,
                                       const Weights& weights, const PackedMatrix& packed) {
        for (std::size_t rows : {1u, 2u, 3u, 4u, 5u, 13u, 25u}) {
          const int largest = Largest(precision);
          std::uniform_int_distribution<int> whole(-largest, largest);
          Matrix input(rows, inputs);
          for (std::size_t i = 0; i < rows * inputs; ++i)
            input.data()[i] = static_cast<float>(i % 32 == i / 32 % 32 ? largest : whole(random));
          Matrix out(rows, outputs);
          MatMul(input.view(), packed, {}, out.view(), nullptr);
          ExpectProduct(type, weights, outputs, input.view(), out.view(), 0);
          if (HasFatalFailure()) return;
        }
      });
    }
  }
}

TEST(BlockMatMul, AnActivationIsRoundedByHalfAStepOfItsBlockAtMost) {
  std::mt19937 random(3);
  ForEachCase(40, 768, [&](WeightType type, InputPrecision precision, const Weights& weights,
                           const PackedMatrix& packed) {
    Matrix input(7, 768);
    const std::vector<float> floats = RandomFloats(7 * 768, random);
    // Blocks of very different sizes, down to ones that count as zeros.
    for (std::size_t i = 0; i < floats.size(); ++i)
      input.data()[i] = floats[i] * std::exp2(static_cast<float>(static_cast<int>(i / 32 * 7 % 150) - 120));
    Matrix out(7, 40);
    MatMul(input.view(), packed, {}, out.view(), nullptr);
    // Half a step, and the roundings of the inverse and of the product with it.
    const double step = 0.5 / Largest(precision) + 3 * kUlp;
    ExpectProduct(type, weights, 40, input.view(), out.view(), step);
  });
}

// Files may hold any bits: the largest weights times the largest activations of both signs.
TEST(BlockMatMul, NothingSaturates) {
  for (WeightType type : kBlockTypes) {
    const std::size_t inputs = 256;
    std::mt19937 random(4);
    Weights weights = RandomWeights(type, 16, inputs, random);
    // Not 0x00: weights that are all zero would allow no rounding at all.
    for (int fill : {0xFF, 0x80, 0x7F, 0x01}) {
      // Only the quants: the rest keeps its random bits. They end a block, but for Q6_K's.
      const std::size_t step = weights.bytes.size() / (16 * inputs / BlockWeights(type));
      const std::size_t quants = type == WeightType::kQ6_K  ? 192
                                 : BlockWeights(type) == 256 ? 128
                                 : type == WeightType::kQ8_0 ? 32
                                                             : 16;
      const std::size_t begin = type == WeightType::kQ6_K ? 0 : step - quants;
      for (std::size_t s = 0; s < weights.bytes.size(); s += step)
        std::memset(weights.bytes.data() + s + begin, fill, quants);
      for (InputPrecision precision : kPrecisions) {
        const PackedMatrix packed(type, weights.bytes, 16, inputs, {.precision = precision});
        Weights filled;
        filled.values.resize(16 * inputs);
        std::vector<float> row(inputs);
        for (std::size_t n = 0; n < 16; ++n) {
          packed.DequantizeRow(n, row);
          std::copy(row.begin(), row.end(), filled.values.begin() + n * inputs);
        }
        for (float x : {static_cast<float>(Largest(precision)),
                        static_cast<float>(-Largest(precision))}) {
          for (Isa isa : AvailableIsas()) {
            const ScopedIsa scoped(isa);
            SCOPED_TRACE(testing::Message() << Name(isa) << " type " << static_cast<int>(type)
                                            << " fill " << fill << " x " << x);
            for (std::size_t rows : {1u, 24u}) {
              Matrix input(rows, inputs);
              std::fill_n(input.data(), rows * inputs, x);
              Matrix out(rows, 16);
              MatMul(input.view(), packed, {}, out.view(), nullptr);
              ExpectProduct(type, filled, 16, input.view(), out.view(), 0);
              if (HasFatalFailure()) return;
            }
          }
        }
      }
    }
  }
}

TEST(BlockMatMul, ZerosGiveTheEpilogueOfZero) {
  const std::vector<float> bias(40, 3.5f);
  ForEachCase(40, 256, [&](WeightType, InputPrecision, const Weights&, const PackedMatrix& packed) {
    for (std::size_t rows : {1u, 6u}) {
      Matrix input(rows, 256);
      std::fill_n(input.data(), rows * 256, 0.0f);
      Matrix out(rows, 40);
      MatMul(input.view(), packed, {.bias = bias.data()}, out.view(), nullptr);
      for (std::size_t i = 0; i < rows * 40; ++i) ASSERT_EQ(out.data()[i], 3.5f);
    }
  });
}

TEST(BlockMatMul, RowsWithNanOrInfinityGiveNanAndLeaveOthersAlone) {
  std::mt19937 random(6);
  const std::vector<float> floats = RandomFloats(6 * 256, random);
  ForEachCase(40, 256, [&](WeightType, InputPrecision, const Weights&, const PackedMatrix& packed) {
    for (std::size_t rows : {3u, 6u}) {
      Matrix sound(rows, 256), input(rows, 256);
      std::copy_n(floats.begin(), rows * 256, sound.data());
      std::copy_n(floats.begin(), rows * 256, input.data());
      input.row(0)[77] = std::numeric_limits<float>::quiet_NaN();
      input.row(2)[200] = -std::numeric_limits<float>::infinity();
      Matrix expected(rows, 40), out(rows, 40);
      MatMul(sound.view(), packed, {}, expected.view(), nullptr);
      MatMul(input.view(), packed, {}, out.view(), nullptr);
      for (std::size_t t = 0; t < rows; ++t) {
        for (std::size_t n = 0; n < 40; ++n) {
          if (t == 0 || t == 2)
            ASSERT_TRUE(std::isnan(out.row(t)[n])) << t;
          else
            ASSERT_EQ(out.row(t)[n], expected.row(t)[n]) << t;
        }
      }
    }
  });
}

TEST(BlockMatMul, EveryIsaQuantisesAlike) {
  std::mt19937 random(5);
  Matrix input(3, 320);
  const std::vector<float> floats = RandomFloats(3 * 320, random);
  std::copy(floats.begin(), floats.end(), input.data());
  input.row(1)[40] = -std::numeric_limits<float>::infinity();
  for (std::size_t planes : {1u, 2u}) {
    std::vector<std::vector<std::byte>> rows;
    for (Isa isa : AvailableIsas()) {
      const ScopedIsa scoped(isa);
      const QuantizedRows quantized(input.view(), planes, nullptr);
      EXPECT_EQ(quantized.stride(), 10 * QuantizedBlockBytes(planes));
      rows.emplace_back(quantized.row(0), quantized.row(0) + 3 * quantized.stride());
      EXPECT_EQ(rows.back(), rows.front()) << Name(isa);
    }
  }
}

TEST(BlockMatMul, FloatWeightsMeetFloatActivations) {
  const std::vector<std::byte> bytes(4 * 32);
  const PackedMatrix packed(WeightType::kF32, bytes, 1, 32, {.precision = InputPrecision::kInt8});
  EXPECT_EQ(packed.precision(), InputPrecision::kF32);
}

}  // namespace
}  // namespace fovea
