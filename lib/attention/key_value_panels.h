// Keys and values of the tokens that a decoder has seen (incremental decoding, Shazeer 2019), in
// the layout that the kernels multiply: nothing is rearranged when a token attends to its past.
//
// A value, owned by a cache. Read by any number of threads; Write of distinct tokens too.

#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "lib/base/round_up.h"
#include "lib/kernels/matrix.h"

namespace fovea {

class MemoryArena;

// kF16: rounded to the nearest half as they are written, larger ones than 65504 to that; half the
// memory and half the bytes read a token.
enum class KeyValuePrecision { kF32, kF16 };

struct KeyValueShape {
  int kv_heads = 1;
  int head_width = 1;
  KeyValuePrecision precision = KeyValuePrecision::kF16;

  bool operator==(const KeyValueShape&) const = default;
};

class KeyValuePanels {
 public:
  KeyValuePanels() = default;  // Room for no token.
  // Room for `capacity` tokens, rounded up to 16, zeros at first.
  KeyValuePanels(const KeyValueShape& shape, std::size_t capacity, MemoryArena* arena = nullptr);

  // How many bytes such panels take.
  static std::size_t Bytes(const KeyValueShape& shape, std::size_t capacity);

  const KeyValueShape& shape() const { return shape_; }
  std::size_t capacity() const { return capacity_; }

  // keys, values [T, Hkv·Dh] of the tokens [first, first + T), all below the capacity.
  void Write(std::size_t first, ConstMatrixView keys, ConstMatrixView values);
  // The reverse: what is kept of the tokens [first, first + T), in f32.
  void Read(std::size_t first, MatrixView keys, MatrixView values) const;
  // The first `tokens` of another one of the same shape; both have room for them. Zeros take the
  // place of other keys in the last panel, so that what follows a prefix leaves no trace.
  void CopyFrom(const KeyValuePanels& other, std::size_t tokens);

  // Keys 16 · panel … + 15 of a head: [Dh, 16]. Lanes of tokens not written hold any numbers.
  const std::byte* KeyPanel(std::size_t head, std::size_t panel) const {
    return data_.get() + (head * capacity_ / 16 + panel) * width() * 16 * element_bytes();
  }
  // Columns 16 · panel … + 15 of a head's values: [capacity, 16]. Columns past Dh are zeros.
  const std::byte* ValuePanel(std::size_t head, std::size_t panel) const {
    return data_.get() +
           (heads() * width() + (head * value_panels() + panel) * 16) * capacity_ * element_bytes();
  }
  // All of it, keys first; valid until the panels go.
  std::span<std::byte> bytes() { return {data_.get(), Bytes(shape_, capacity_)}; }
  std::span<const std::byte> bytes() const { return {data_.get(), Bytes(shape_, capacity_)}; }

 private:
  std::size_t heads() const { return static_cast<std::size_t>(shape_.kv_heads); }
  std::size_t width() const { return static_cast<std::size_t>(shape_.head_width); }
  std::size_t value_panels() const { return Pieces(width(), 16); }
  std::size_t element_bytes() const { return shape_.precision == KeyValuePrecision::kF16 ? 2 : 4; }
  template <typename Element>
  void WriteToken(std::size_t token, const Element* key, const Element* value);

  KeyValueShape shape_;
  std::size_t capacity_ = 0;
  // Keys [Hkv, capacity / 16, Dh, 16], then values [Hkv, ⌈Dh / 16⌉, capacity, 16].
  std::shared_ptr<std::byte[]> data_;
};

}  // namespace fovea
