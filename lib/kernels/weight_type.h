// How weights are stored on disk.

#pragma once

namespace fovea {

// All but the first two are GGUF's block formats: 32 weights a block along the inputs, or 8 blocks
// with common scales (K).
enum class WeightType { kF32, kF16, kQ8_0, kQ4_0, kQ4_1, kQ5_0, kQ5_1, kQ4_K, kQ5_K, kQ6_K };

}  // namespace fovea
