#include "lib/attention/key_value_panels.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "lib/kernels/kernel_table.h"
#include "lib/kernels/memory_arena.h"

namespace fovea {

static_assert(kPanelWidth == 16);

KeyValuePanels::KeyValuePanels(const KeyValueShape& shape, std::size_t capacity, MemoryArena* arena)
    : shape_(shape), capacity_(RoundUp(capacity, kPanelWidth)) {
  const std::size_t bytes = Bytes(shape, capacity);
  if (bytes == 0) return;
  data_ = AllocateIn(arena, bytes);
  std::memset(data_.get(), 0, bytes);
}

std::size_t KeyValuePanels::Bytes(const KeyValueShape& shape, std::size_t capacity) {
  KeyValuePanels panels;
  panels.shape_ = shape;
  const std::size_t columns =
      panels.heads() * (panels.width() + panels.value_panels() * kPanelWidth);
  return RoundUp(capacity, kPanelWidth) * columns * panels.element_bytes();
}

// key, value [Hkv·Dh]
template <typename Element>
void KeyValuePanels::WriteToken(std::size_t token, const Element* key, const Element* value) {
  const std::size_t lane = token % kPanelWidth;
  for (std::size_t head = 0; head < heads(); ++head, key += width(), value += width()) {
    auto* keys =
        reinterpret_cast<Element*>(const_cast<std::byte*>(KeyPanel(head, token / kPanelWidth)));
    for (std::size_t i = 0; i < width(); ++i) keys[i * kPanelWidth + lane] = key[i];
    for (std::size_t panel = 0; panel < value_panels(); ++panel) {
      auto* values = reinterpret_cast<Element*>(const_cast<std::byte*>(ValuePanel(head, panel)));
      const std::size_t column = panel * kPanelWidth;
      std::copy_n(value + column, std::min(kPanelWidth, width() - column),
                  values + token * kPanelWidth);
    }
  }
}

void KeyValuePanels::Write(std::size_t first, ConstMatrixView keys, ConstMatrixView values) {
  if (shape_.precision == KeyValuePrecision::kF32) {
    for (std::size_t t = 0; t < keys.rows; ++t) WriteToken(first + t, keys.row(t), values.row(t));
    return;
  }
  const auto round = CurrentKernels().round_to_f16;
  std::vector<std::uint16_t> key(keys.cols), value(values.cols);
  for (std::size_t t = 0; t < keys.rows; ++t) {
    round(keys.row(t), keys.cols, key.data());
    round(values.row(t), values.cols, value.data());
    WriteToken(first + t, key.data(), value.data());
  }
}

void KeyValuePanels::Read(std::size_t first, MatrixView keys, MatrixView values) const {
  std::vector<float> panel(kPanelWidth * std::max(width(), kPanelWidth));
  const auto unpack = [&](const std::byte* packed, std::size_t rows) {
    if (shape_.precision == KeyValuePrecision::kF16) {
      CurrentKernels().unpack_f16(packed, rows, panel.data());
    } else {
      std::memcpy(panel.data(), packed, rows * kPanelWidth * sizeof(float));
    }
  };
  for (std::size_t head = 0; head < heads(); ++head) {
    for (std::size_t t = 0; t < keys.rows; ++t) {
      const std::size_t lane = (first + t) % kPanelWidth;
      if (t == 0 || lane == 0) unpack(KeyPanel(head, (first + t) / kPanelWidth), width());
      float* key = keys.row(t) + head * width();
      for (std::size_t i = 0; i < width(); ++i) key[i] = panel[i * kPanelWidth + lane];
    }
    for (std::size_t block = 0; block < value_panels(); ++block) {
      const std::size_t column = block * kPanelWidth;
      for (std::size_t t = 0; t < values.rows; ++t) {
        unpack(ValuePanel(head, block) + (first + t) * kPanelWidth * element_bytes(), 1);
        std::copy_n(panel.begin(), std::min(kPanelWidth, width() - column),
                    values.row(t) + head * width() + column);
      }
    }
  }
}

void KeyValuePanels::CopyFrom(const KeyValuePanels& other, std::size_t tokens) {
  const std::size_t panels = Pieces(tokens, kPanelWidth);
  const std::size_t unused = panels * kPanelWidth - tokens;
  for (std::size_t head = 0; tokens > 0 && head < heads(); ++head) {
    auto* keys = const_cast<std::byte*>(KeyPanel(head, 0));
    const std::size_t row_bytes = kPanelWidth * element_bytes();
    const std::byte* end = keys + panels * width() * row_bytes;
    std::memcpy(keys, other.KeyPanel(head, 0), panels * width() * row_bytes);
    for (std::byte* row = keys + (panels - 1) * width() * row_bytes; row != end; row += row_bytes)
      std::memset(row + row_bytes - unused * element_bytes(), 0, unused * element_bytes());
    for (std::size_t panel = 0; panel < value_panels(); ++panel) {
      std::memcpy(const_cast<std::byte*>(ValuePanel(head, panel)), other.ValuePanel(head, panel),
                  tokens * kPanelWidth * element_bytes());
    }
  }
}

}  // namespace fovea
