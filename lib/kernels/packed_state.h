// Internal to lib/kernels: what a PackedMatrix holds.

#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>

#include "lib/kernels/kernel_table.h"
#include "lib/kernels/packed_matrix.h"

namespace fovea {

// Panels of 16 outputs one after the other, the last one filled up with zeros. A panel is
//   F32   [inputs, 16] f32
//   F16   [inputs, 16] f16
// and for block formats a row of blocks (32 inputs × 16 outputs), each
//   Q8_0  scale f16 [16], weight int8 [32, 16]                   w = scale · q
//   Q4_0  scale f16 [16], two 4-bit weights a byte [16, 16]      w = scale · (q − 8)
//   Q4_1  scale f16 [16], minimum f16 [16], bytes [16, 16]       w = scale · q + minimum
// Byte row j of a 4-bit block holds input j in its low half and input j + 16 in its high half, as
// GGUF does.
struct PackedMatrix::State {
  struct Free {
    void operator()(std::byte* p) const { std::free(p); }
  };

  WeightType type = WeightType::kF32;
  std::size_t outputs = 0;
  std::size_t inputs = 0;
  std::size_t panel_bytes = 0;
  std::unique_ptr<std::byte[], Free> data;  // aligned to 64 bytes

  std::size_t panels() const { return (outputs + kPanelWidth - 1) / kPanelWidth; }
  const std::byte* panel(std::size_t p) const { return data.get() + p * panel_bytes; }
};

// Bytes of one packed block (32 inputs × 16 outputs); for F32 and F16, of one input of a panel.
constexpr std::size_t PackedStepBytes(WeightType type) {
  switch (type) {
    case WeightType::kF32:
      return kPanelWidth * 4;
    case WeightType::kF16:
      return kPanelWidth * 2;
    case WeightType::kQ8_0:
      return kPanelWidth * (2 + kBlockInputs);
    case WeightType::kQ4_0:
      return kPanelWidth * (2 + kBlockInputs / 2);
    case WeightType::kQ4_1:
      return kPanelWidth * (4 + kBlockInputs / 2);
  }
  return 0;
}

// Inputs that one step covers.
constexpr std::size_t PackedStepInputs(WeightType type) {
  return type == WeightType::kF32 || type == WeightType::kF16 ? 1 : kBlockInputs;
}

}  // namespace fovea
