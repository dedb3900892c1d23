// GGUF weight formats written out from their definition, in double: what packed weights are
// compared with.

#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "lib/kernels/matrix.h"
#include "lib/kernels/packed_matrix.h"

namespace fovea::reference {

inline constexpr WeightType kWeightTypes[] = {
    WeightType::kF32,  WeightType::kF16,  WeightType::kQ8_0, WeightType::kQ4_0, WeightType::kQ4_1,
    WeightType::kQ5_0, WeightType::kQ5_1, WeightType::kQ4_K, WeightType::kQ5_K, WeightType::kQ6_K};

// Weights of a block: 1, 32 or 256.
std::size_t BlockWeights(WeightType type);

struct Weights {
  std::vector<std::byte> bytes;  // as a file stores them
  std::vector<double> values;    // [outputs, inputs]
};

// Random weights of a type with magnitudes around 1/√inputs. `inputs` must suit the type.
Weights RandomWeights(WeightType type, std::size_t outputs, std::size_t inputs,
                      std::mt19937& random);

// Uniform in [−1, 1).
std::vector<float> RandomFloats(std::size_t count, std::mt19937& random);
// Uniform in [−spread, spread), by the seed.
Matrix RandomMatrix(std::size_t rows, std::size_t cols, float spread, std::uint32_t seed);

// Value of an IEEE half, by its definition.
double HalfValue(std::uint16_t half);

}  // namespace fovea::reference
