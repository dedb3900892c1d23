#include "lib/attention/rope.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>

#include "lib/base/error.h"

namespace fovea {
namespace {

// The paper's values for Llama; llama.cpp takes them for this family whatever the file says.
constexpr double kYarnFastTurns = 32;
constexpr double kYarnSlowTurns = 1;

[[noreturn]] void Fail(const std::string& what) {
  throw Error(ErrorCode::kInvalidArgument, "rotary embedding: " + what);
}

// The (fractional) pair that turns `turns` times within the original context.
double PairOfTurns(const RopeOptions& options, double turns) {
  return options.rotated_width *
         std::log(options.original_context / (turns * 2 * std::numbers::pi)) /
         (2 * std::log(options.base));
}

// How far each pair keeps its own angle: 1 for the fast ones, 0 for the slow ones, a ramp between.
std::vector<double> YarnRamp(const RopeOptions& options, std::size_t pairs) {
  const double last = options.rotated_width - 1;
  const double low = std::max(0.0, std::floor(PairOfTurns(options, kYarnFastTurns)));
  const double high = std::min(last, std::ceil(PairOfTurns(options, kYarnSlowTurns)));
  std::vector<double> ramp(pairs);
  for (std::size_t i = 0; i < pairs; ++i) {
    const double at = (static_cast<double>(i) - low) / std::max(0.001, high - low);
    ramp[i] = 1 - std::clamp(at, 0.0, 1.0);
  }
  return ramp;
}

}  // namespace

void RopeOptions::validate() const {
  if (rotated_width < 0 || rotated_width % 2 != 0 || !(base > 0) || !std::isfinite(base)) {
    Fail("width " + std::to_string(rotated_width) + ", base " + std::to_string(base) +
         ": the width must be even, the base positive");
  }
  if (!(factor > 0) || !std::isfinite(factor) || !std::isfinite(attention_factor)) {
    Fail("the scaling factor " + std::to_string(factor) + " must be positive");
  }
  if (scaling == RopeScaling::kYarn && (original_context < 1 || !(base > 1)))
    Fail("YaRN needs an original context and a base above 1");
  if (!frequency_factors.empty() &&
      frequency_factors.size() != static_cast<std::size_t>(rotated_width) / 2) {
    Fail(std::to_string(frequency_factors.size()) + " frequency factors for a width of " +
         std::to_string(rotated_width));
  }
  for (const float f : frequency_factors) {
    if (!(f > 0) || !std::isfinite(f)) Fail("a frequency factor is not positive");
  }
}

Rope::Rope(const RopeOptions& options)
    : pairing_(options.pairing), magnitude_(options.attention_factor) {
  options.validate();
  const std::size_t pairs = static_cast<std::size_t>(options.rotated_width) / 2;
  const bool yarn = options.scaling == RopeScaling::kYarn;
  const std::vector<double> ramp =
      yarn ? YarnRamp(options, pairs) : std::vector<double>(pairs, 0.0);
  for (std::size_t i = 0; i < pairs; ++i) {
    double frequency =
        std::pow(options.base, -2.0 * static_cast<double>(i) / options.rotated_width);
    if (!options.frequency_factors.empty())
      frequency /= static_cast<double>(options.frequency_factors[i]);
    if (options.scaling != RopeScaling::kNone)
      frequency *= ramp[i] + (1 - ramp[i]) / options.factor;
    frequencies_.push_back(frequency);
  }
  if (yarn) magnitude_ *= 1 + 0.1 * std::log(options.factor);
}

void Rope::SetRow(RopeTable& table, std::size_t row, double position, double magnitude) const {
  for (std::size_t i = 0; i < frequencies_.size(); ++i) {
    // In double: at position 8000 an f32 angle would already be off by 5e-4.
    const double angle = position * frequencies_[i];
    table.cosine_.row(row)[i] = static_cast<float>(std::cos(angle) * magnitude);
    table.sine_.row(row)[i] = static_cast<float>(std::sin(angle) * magnitude);
  }
}

RopeTable Rope::Positions(std::size_t first, std::size_t count) const {
  RopeTable table(pairing_, count, frequencies_.size());
  for (std::size_t t = 0; t < count; ++t)
    SetRow(table, t, static_cast<double>(first + t), magnitude_);
  return table;
}

RopeTable Rope::Distance(std::size_t distance, std::size_t count) const {
  RopeTable table(pairing_, count, frequencies_.size());
  // The magnitude is in the keys already.
  for (std::size_t t = 0; t < count; ++t) SetRow(table, t, static_cast<double>(distance), 1);
  return table;
}

void RopeTable::Apply(MatrixView rows, int head_width, std::size_t first_row) const {
  if (first_row > cosine_.rows() || rows.rows > cosine_.rows() - first_row) {
    Fail("rows " + std::to_string(first_row) + " … " + std::to_string(first_row + rows.rows) +
         " exceed the table's " + std::to_string(cosine_.rows()) + " positions");
  }
  const std::size_t width = static_cast<std::size_t>(head_width);
  const std::size_t pairs = cosine_.cols();
  if (head_width < 1 || width < 2 * pairs || rows.cols % width != 0) {
    Fail("rows of " + std::to_string(rows.cols) + " numbers, heads of " +
         std::to_string(head_width) + ", " + std::to_string(2 * pairs) +
         " of them rotated, do not fit");
  }
  const std::size_t step = pairing_ == RopePairing::kInterleaved ? 2 : 1;
  const std::size_t distance = pairing_ == RopePairing::kInterleaved ? 1 : pairs;
  for (std::size_t t = 0; t < rows.rows; ++t) {
    const float* cosine = cosine_.data() + (first_row + t) * pairs;
    const float* sine = sine_.data() + (first_row + t) * pairs;
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
