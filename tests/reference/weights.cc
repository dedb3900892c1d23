#include "tests/reference/weights.h"

#include <cmath>
#include <cstring>

namespace fovea::reference {
namespace {

std::uint16_t RandomHalf(double magnitude, bool negative, std::mt19937& random) {
  const int exponent = static_cast<int>(std::floor(std::log2(magnitude))) + 15;
  return static_cast<std::uint16_t>((negative ? 0x8000 : 0) | (exponent << 10) |
                                    static_cast<int>(random() % 1024));
}

void Append(std::vector<std::byte>& bytes, const void* data, std::size_t size) {
  const std::byte* begin = static_cast<const std::byte*>(data);
  bytes.insert(bytes.end(), begin, begin + size);
}

void AppendBlock(WeightType type, double magnitude, std::mt19937& random, Weights& weights) {
  const bool nibbles = type != WeightType::kQ8_0;
  const std::uint16_t scale =
      RandomHalf(magnitude / (nibbles ? 8 : 128), random() % 2 == 0, random);
  const std::uint16_t minimum = RandomHalf(magnitude, true, random);
  Append(weights.bytes, &scale, 2);
  if (type == WeightType::kQ4_1) Append(weights.bytes, &minimum, 2);
  std::uint8_t quants[32];
  const std::size_t count = nibbles ? 16 : 32;
  for (std::size_t i = 0; i < count; ++i) quants[i] = static_cast<std::uint8_t>(random());
  Append(weights.bytes, quants, count);
  for (std::size_t i = 0; i < 32; ++i) {
    double q = 0;
    if (nibbles) {
      q = i < 16 ? quants[i] % 16 : quants[i - 16] / 16;
    } else {
      q = quants[i] < 128 ? quants[i] : quants[i] - 256;
    }
    if (type == WeightType::kQ4_0) q -= 8;
    weights.values.push_back(HalfValue(scale) * q +
                             (type == WeightType::kQ4_1 ? HalfValue(minimum) : 0));
  }
}

}  // namespace

double HalfValue(std::uint16_t half) {
  const double sign = half >> 15 ? -1 : 1;
  const int exponent = (half >> 10) & 31;
  const double mantissa = half & 1023;
  if (exponent == 0) return sign * std::ldexp(mantissa, -24);
  return sign * std::ldexp(1024 + mantissa, exponent - 25);
}

std::vector<float> RandomFloats(std::size_t count, std::mt19937& random) {
  std::uniform_real_distribution<float> uniform(-1, 1);
  std::vector<float> floats(count);
  for (float& x : floats) x = uniform(random);
  return floats;
}

Weights RandomWeights(WeightType type, std::size_t outputs, std::size_t inputs,
                      std::mt19937& random) {
  Weights weights;
  const double magnitude = 1 / std::sqrt(static_cast<double>(inputs) + 1);
  if (type != WeightType::kF32 && type != WeightType::kF16) {
    for (std::size_t i = 0; i < outputs * inputs / 32; ++i)
      AppendBlock(type, magnitude, random, weights);
    return weights;
  }
  std::uniform_real_distribution<float> uniform(-1, 1);
  for (std::size_t i = 0; i < outputs * inputs; ++i) {
    if (type == WeightType::kF32) {
      const float x = uniform(random) * static_cast<float>(magnitude);
      Append(weights.bytes, &x, 4);
      weights.values.push_back(x);
    } else {
      const std::uint16_t half = i % 50 == 7
                                     ? static_cast<std::uint16_t>(random() % 1024)  // subnormal
                                     : RandomHalf(magnitude, random() % 2 == 0, random);
      Append(weights.bytes, &half, 2);
      weights.values.push_back(HalfValue(half));
    }
  }
  return weights;
}

}  // namespace fovea::reference
