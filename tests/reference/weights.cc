#include "tests/reference/weights.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace fovea::reference {
namespace {

// About of this magnitude; what is below the normal halves becomes a subnormal one.
std::uint16_t RandomHalf(double magnitude, bool negative, std::mt19937& random) {
  const int exponent = std::max(static_cast<int>(std::floor(std::log2(magnitude))) + 15, 0);
  return static_cast<std::uint16_t>((negative ? 0x8000 : 0) | (exponent << 10) |
                                    static_cast<int>(random() % 1024));
}

void Append(std::vector<std::byte>& bytes, const void* data, std::size_t size) {
  const std::byte* begin = static_cast<const std::byte*>(data);
  bytes.insert(bytes.end(), begin, begin + size);
}

std::vector<std::uint8_t> RandomBytes(std::size_t count, std::mt19937& random) {
  std::vector<std::uint8_t> bytes(count);
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
  return bytes;
}

int Bit(const std::vector<std::uint8_t>& bytes, std::size_t i) { return bytes[i / 8] >> i % 8 & 1; }

// A block of 32 weights w = scale · (q − zero) + minimum with quants of 4, 5 or 8 bits.
void AppendSmallBlock(WeightType type, double magnitude, std::mt19937& random, Weights& weights) {
  const bool five = type == WeightType::kQ5_0 || type == WeightType::kQ5_1;
  const bool bytes = type == WeightType::kQ8_0;
  const bool has_minimum = type == WeightType::kQ4_1 || type == WeightType::kQ5_1;
  const std::uint16_t scale = RandomHalf(magnitude / (bytes  ? 128
                                                      : five ? 16
                                                             : 8),
                                         random() % 2 == 0, random);
  const std::uint16_t minimum = RandomHalf(magnitude, true, random);
  const std::vector<std::uint8_t> fifth = RandomBytes(4, random);
  const std::vector<std::uint8_t> quants = RandomBytes(bytes ? 32 : 16, random);
  Append(weights.bytes, &scale, 2);
  if (has_minimum) Append(weights.bytes, &minimum, 2);
  if (five) Append(weights.bytes, fifth.data(), fifth.size());
  Append(weights.bytes, quants.data(), quants.size());
  for (std::size_t i = 0; i < 32; ++i) {
    int q = bytes    ? (quants[i] < 128 ? quants[i] : quants[i] - 256)
            : i < 16 ? quants[i] % 16
                     : quants[i - 16] / 16;
    if (five) q += 16 * Bit(fifth, i);
    if (type == WeightType::kQ4_0) q -= 8;
    if (type == WeightType::kQ5_0) q -= 16;
    weights.values.push_back(HalfValue(scale) * q + (has_minimum ? HalfValue(minimum) : 0));
  }
}

// Q4_K, Q5_K: 256 weights w = d · s · q − m · t, s and t of 6 bits for every 32 weights.
void AppendMinimumSuperBlock(WeightType type, double magnitude, std::mt19937& random,
                             Weights& weights) {
  const bool five = type == WeightType::kQ5_K;
  const std::uint16_t d = RandomHalf(magnitude / (five ? 512 : 256), false, random);
  const std::uint16_t m = RandomHalf(magnitude / 32, false, random);
  const std::vector<std::uint8_t> packed = RandomBytes(12, random);
  const std::vector<std::uint8_t> fifth = RandomBytes(32, random);
  const std::vector<std::uint8_t> quants = RandomBytes(128, random);
  Append(weights.bytes, &d, 2);
  Append(weights.bytes, &m, 2);
  Append(weights.bytes, packed.data(), packed.size());
  if (five) Append(weights.bytes, fifth.data(), fifth.size());
  Append(weights.bytes, quants.data(), quants.size());
  for (std::size_t i = 0; i < 256; ++i) {
    const std::size_t b = i / 32;
    int s = packed[b % 4] % 64;
    int t = packed[4 + b % 4] % 64;
    if (b >= 4) {
      s = packed[4 + b] % 16 + packed[b - 4] / 64 * 16;
      t = packed[4 + b] / 16 + packed[b] / 64 * 16;
    }
    const int byte = quants[i / 64 * 32 + i % 32];
    int q = i % 64 < 32 ? byte % 16 : byte / 16;
    if (five) q += 16 * (fifth[i % 32] >> b & 1);
    weights.values.push_back(HalfValue(d) * s * q - HalfValue(m) * t);
  }
}

// Q6_K: 256 weights w = d · s · (q − 32), s a signed byte for every 16 weights.
void AppendQ6SuperBlock(double magnitude, std::mt19937& random, Weights& weights) {
  const std::uint16_t d = RandomHalf(magnitude / 2048, random() % 2 == 0, random);
  const std::vector<std::uint8_t> low = RandomBytes(128, random);
  const std::vector<std::uint8_t> high = RandomBytes(64, random);
  const std::vector<std::uint8_t> scales = RandomBytes(16, random);
  Append(weights.bytes, low.data(), low.size());
  Append(weights.bytes, high.data(), high.size());
  Append(weights.bytes, scales.data(), scales.size());
  Append(weights.bytes, &d, 2);
  for (std::size_t i = 0; i < 256; ++i) {
    const std::size_t part = i / 128;
    const std::size_t quarter = i % 128 / 32;
    const int byte = low[64 * part + 32 * (quarter % 2) + i % 32];
    const int q =
        (quarter < 2 ? byte % 16 : byte / 16) + 16 * (high[32 * part + i % 32] >> 2 * quarter & 3);
    const int s = scales[i / 16] < 128 ? scales[i / 16] : scales[i / 16] - 256;
    weights.values.push_back(HalfValue(d) * s * (q - 32));
  }
}

}  // namespace

std::size_t BlockWeights(WeightType type) {
  switch (type) {
    case WeightType::kF32:
    case WeightType::kF16:
      return 1;
    case WeightType::kQ4_K:
    case WeightType::kQ5_K:
    case WeightType::kQ6_K:
      return 256;
    default:
      return 32;
  }
}

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

Matrix RandomMatrix(std::size_t rows, std::size_t cols, float spread, std::uint32_t seed) {
  std::mt19937 random(seed);
  Matrix matrix(rows, cols);
  const std::vector<float> floats = RandomFloats(rows * cols, random);
  for (std::size_t i = 0; i < floats.size(); ++i) matrix.data()[i] = spread * floats[i];
  return matrix;
}

Weights RandomWeights(WeightType type, std::size_t outputs, std::size_t inputs,
                      std::mt19937& random) {
  Weights weights;
  const double magnitude = 1 / std::sqrt(static_cast<double>(inputs) + 1);
  if (type != WeightType::kF32 && type != WeightType::kF16) {
    while (weights.values.size() < outputs * inputs) {
      if (type == WeightType::kQ4_K || type == WeightType::kQ5_K)
        AppendMinimumSuperBlock(type, magnitude, random, weights);
      else if (type == WeightType::kQ6_K)
        AppendQ6SuperBlock(magnitude, random, weights);
      else
        AppendSmallBlock(type, magnitude, random, weights);
    }
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
