// Internal to lib/kernels: what a PackedMatrix holds.

#pragma once

#include <cstddef>
#include <memory>

#include "lib/base/round_up.h"
#include "lib/kernels/block_format.h"
#include "lib/kernels/kernel_table.h"
#include "lib/kernels/packed_matrix.h"

namespace fovea {

// Panels of 16 outputs one after the other, the last one filled up with zeros. A panel is
//   F32   [inputs, 16] f32
//   F16   [inputs, 16] f16
// and for block formats what block_format.h draws.
struct PackedMatrix::State {
  WeightType type = WeightType::kF32;
  InputPrecision precision = InputPrecision::kF32;
  std::size_t outputs = 0;
  std::size_t inputs = 0;
  std::size_t panel_bytes = 0;
  std::shared_ptr<std::byte[]> data;  // aligned to 64 bytes

  std::size_t panels() const { return Pieces(outputs, kPanelWidth); }
  const std::byte* panel(std::size_t p) const { return data.get() + p * panel_bytes; }
};

// Inputs that one step covers: what can be packed or unpacked by itself.
constexpr std::size_t PackedStepInputs(WeightType type) {
  return IsBlockType(type) ? BlockFormatOf(type).step_blocks() * kBlockInputs : 1;
}

// Bytes of one step of a panel.
constexpr std::size_t PackedStepBytes(WeightType type) {
  if (IsBlockType(type)) return BlockFormatOf(type).step_bytes();
  return kPanelWidth * (type == WeightType::kF32 ? 4 : 2);
}

}  // namespace fovea
