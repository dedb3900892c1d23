// A half-open range of bytes [begin, end) of some text that the context names.

#pragma once

#include <cstddef>
#include <string_view>

namespace fovea {

struct ByteRange {
  std::size_t begin = 0;
  std::size_t end = 0;

  constexpr std::size_t size() const { return end - begin; }
  constexpr bool empty() const { return begin == end; }
  friend constexpr bool operator==(const ByteRange&, const ByteRange&) = default;
};

// Whether they have a byte in common.
constexpr bool Overlap(const ByteRange& a, const ByteRange& b) {
  return a.begin < b.end && b.begin < a.end;
}

// The bytes of `text` in `range`, which must lie inside it.
constexpr std::string_view Slice(std::string_view text, ByteRange range) {
  return text.substr(range.begin, range.size());
}

}  // namespace fovea
