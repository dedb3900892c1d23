// Internal to lib/attention: where attention's keys and values lie, rows of a batch or a decoder's
// cache, and how the kernels get them.

#pragma once

#include <cstddef>

#include "lib/attention/attention.h"
#include "lib/attention/key_value_panels.h"
#include "lib/kernels/matrix.h"

namespace fovea {

// Borrows all it points to. The panels it gives live as long as that and the scratch.
struct KeyValueSource {
  ConstMatrixView key{};                   // [Tk, Hkv·Dh]
  ConstMatrixView value{};                 // [Tk, Hkv·Dh]
  const KeyValuePanels* cached = nullptr;  // instead of the two
  std::size_t tokens = 0;                  // Tk

  // Throws Error(kInvalidArgument) if they are not those of the heads.
  void Check(const AttentionShape& shape) const;

  // Panels that the kernels multiply as they are, if few rows do.
  bool HoldsHalves() const {
    return cached != nullptr && cached->shape().precision == KeyValuePrecision::kF16;
  }

  // Keys [first, first + count) of head `kv_head`, count <= 16, as [Dh, 16]; in a cache `first` is
  // a multiple of 16. scratch: [Dh, 16].
  const float* KeyPanel(std::size_t kv_head, std::size_t width, std::size_t first,
                        std::size_t count, float* scratch) const;

  // Columns 16 · panel … + 15 of the values [first, first + count), as [count, 16], those past Dh
  // zeros. scratch: [count, 16].
  const float* ValuePanel(std::size_t kv_head, std::size_t width, std::size_t panel,
                          std::size_t first, std::size_t count, float* scratch) const;
};

}  // namespace fovea
