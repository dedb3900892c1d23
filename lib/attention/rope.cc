#include "lib/attention/rope.h"

#include <cmath>
#include <string>

#include "lib/base/error.h"

namespace fovea {

Rope::Rope(int rotated_width, float base, int max_positions, RopePairing pairing)
    : rotated_width_(rotated_width),
      pairing_(pairing),
      max_positions_(static_cast<std::size_t>(max_positions)) {
  if (rotated_width < 0 || rotated_width % 2 != 0 || max_positions < 0 || !(base > 0)) {
    throw Error(ErrorCode::kInvalidArgument,
                "rotary embedding of width " + std::to_string(rotated_width) + ", base " +
                    std::to_string(base) + ", " + std::to_string(max_positions) +
                    " positions: the width must be even, the base positive");
  }
  const std::size_t pairs = static_cast<std::size_t>(rotated_width) / 2;
  cosine_.resize(max_positions_ * pairs);
  sine_.resize(max_positions_ * pairs);
  for (std::size_t i = 0; i < pairs; ++i) {
    // In double: at position 8000 an f32 angle would already be off by 5e-4.
    const double frequency =
        std::pow(static_cast<double>(base), -2.0 * static_cast<double>(i) / rotated_width);
    for (std::size_t position = 0; position < max_positions_; ++position) {
      const double angle = static_cast<double>(position) * frequency;
      cosine_[position * pairs + i] = static_cast<float>(std::cos(angle));
      sine_[position * pairs + i] = static_cast<float>(std::sin(angle));
    }
  }
}

void Rope::Apply(MatrixView rows, int head_width, std::size_t first_position) const {
  if (first_position > max_positions_ || rows.rows > max_positions_ - first_position) {
    throw Error(ErrorCode::kInvalidArgument,
                "rotary embedding: positions " + std::to_string(first_position) + " … " +
                    std::to_string(first_position + rows.rows) + " exceed the " +
                    std::to_string(max_positions_) + " of the model");
  }
  const std::size_t width = static_cast<std::size_t>(head_width);
  if (head_width < rotated_width_ || width == 0 || rows.cols % width != 0) {
    throw Error(ErrorCode::kInvalidArgument,
                "rotary embedding: rows of " + std::to_string(rows.cols) + " numbers, heads of " +
                    std::to_string(head_width) + ", " + std::to_string(rotated_width_) +
                    " of them rotated, do not fit");
  }
  const std::size_t pairs = static_cast<std::size_t>(rotated_width_) / 2;
  const std::size_t step = pairing_ == RopePairing::kInterleaved ? 2 : 1;
  const std::size_t distance = pairing_ == RopePairing::kInterleaved ? 1 : pairs;
  for (std::size_t t = 0; t < rows.rows; ++t) {
    const float* cosine = cosine_.data() + (first_position + t) * pairs;
    const float* sine = sine_.data() + (first_position + t) * pairs;
    for (std::size_t head = 0; head < rows.cols; head += width) {
      float* x = rows.row(t) + head;
      for (std::size_t i = 0; i < pairs; ++i) {
        const float first = x[i * step];
        const float second = x[i * step + distance];
        x[i * step] = first * cosine[i] - second * sine[i];
        x[i * step + distance] = first * sine[i] + second * cosine[i];
      }
    }
  }
}

}  // namespace fovea
