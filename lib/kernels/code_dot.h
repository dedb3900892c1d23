// Inner products of vectors as 8-bit codes: what the vector index scans and walks, a quarter of the memory of f32.
//
// x ≈ scale · code with one scale a vector (symmetric: no zero point). Products of codes are whole numbers and exact, so
// they are the same on every ISA and in every order.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace fovea {

// Rows of codes are this much apart, or a multiple, and zero behind their dimensions: a cache line, so that no row has a
// rest to be looked after.
inline constexpr std::size_t kCodeAlignment = 64;

// The least multiple of kCodeAlignment that holds D codes.
constexpr std::size_t CodeStride(std::size_t dimensions) {
  return (dimensions + kCodeAlignment - 1) / kCodeAlignment * kCodeAlignment;
}

// N rows of codes in −127 … 127, each `stride` bytes long. A view: owns nothing.
struct CodeRows {
  const std::int8_t* data = nullptr;
  std::size_t count = 0;
  std::size_t stride = kCodeAlignment;

  const std::int8_t* row(std::size_t r) const { return data + r * stride; }
  CodeRows Rows(std::size_t begin, std::size_t end) const { return {row(begin), end - begin, stride}; }
};

// What a row lost: x = scale · codes + e, with ‖e‖₂ <= error.
struct CodeScale {
  float scale = 0;
  float error = 0;
};

// codes[i] = x[i] / scale rounded to nearest, scale = max |x| / 127; zeros behind x. `codes` has CodeStride(x.size())
// elements. A row of zeros, or one so small that its scale would be 0, has scale 0. The components must be finite.
CodeScale EncodeRow(std::span<const float> x, std::span<std::int8_t> codes);

// out[r] = Σ_i query_i · rows[r]_i. `query` has rows.stride codes, at most 131,072.
void CodeDotRows(std::span<const std::int8_t> query, const CodeRows& rows, std::span<std::int32_t> out);

// The same for rows[listed[j]] into out[j], fetching ahead: they lie anywhere in memory.
void CodeDotListed(std::span<const std::int8_t> query, const CodeRows& rows, std::span<const std::uint32_t> listed,
                   std::span<std::int32_t> out);

}  // namespace fovea
