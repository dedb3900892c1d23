// Rotary position embedding (Su et al. 2021): pairs of a head's components are rotated by position · base^(−2i/Dr),
// or by an angle scaled for contexts longer than those trained on.

#pragma once

#include <cstddef>
#include <vector>

#include "lib/kernels/matrix.h"

namespace fovea {

// Which components form a pair: Llama GGUF files interleave (2i, 2i+1); "NeoX" models pair (i, i + Dr/2).
enum class RopePairing { kInterleaved, kHalves };

// kLinear: every angle is divided by the factor (Chen et al. 2023). kYarn: only those of pairs that turn few times within
// the original context are, with a ramp between (Peng et al. 2023, section 3.2).
enum class RopeScaling { kNone, kLinear, kYarn };

struct RopeOptions {
  int rotated_width = 0;  // Dr: even, at most the head width; the components past it are left alone.
  double base = 10000.0;
  RopePairing pairing = RopePairing::kInterleaved;
  RopeScaling scaling = RopeScaling::kNone;
  double factor = 1.0;  // context / original context
  // Multiplies cosine and sine, for YaRN on top of its own 0.1 ln(factor) + 1.
  double attention_factor = 1.0;
  // YaRN: pairs that turn more than 32 times within it keep their angle, those that do not turn once are interpolated.
  int original_context = 0;
  // [Dr/2]: the angle of pair i is divided by factor i (Llama 3.1's rope_freqs.weight). Empty: by 1.
  std::vector<float> frequency_factors{};

  // Throws Error(kInvalidArgument).
  void validate() const;
};

// The turns of consecutive positions.
class RopeTable {
 public:
  RopeTable() = default;  // of no position

  // Rotates in place every head of every row: rows [T, heads · head_width], row t at position first_row + t of the table.
  // Throws Error(kInvalidArgument) past the table's end or if the widths do not fit.
  void Apply(MatrixView rows, int head_width, std::size_t first_row) const;

 private:
  friend class Rope;
  RopeTable(RopePairing pairing, std::size_t positions, std::size_t pairs)
      : pairing_(pairing), cosine_(positions, pairs), sine_(positions, pairs) {}

  RopePairing pairing_ = RopePairing::kInterleaved;
  Matrix cosine_;  // [positions, Dr/2]
  Matrix sine_;
};

// Immutable, shared by threads. It keeps no table of the whole context: the turns of a token are few sines beside the
// layers that use them.
class Rope {
 public:
  // Throws Error(kInvalidArgument) on options that are not valid.
  explicit Rope(const RopeOptions& options);

  // The turns of positions [first, first + count).
  RopeTable Positions(std::size_t first, std::size_t count) const;

  // The turns that move `count` keys on by `distance` positions each: turned for position p, they come to be those of
  // p + distance.
  RopeTable Distance(std::size_t distance, std::size_t count) const;

 private:
  void SetRow(RopeTable& table, std::size_t row, double position, double magnitude) const;

  RopePairing pairing_;
  std::vector<double> frequencies_;  // [Dr/2], radians a position
  double magnitude_;
};

}  // namespace fovea
