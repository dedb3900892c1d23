#include "lib/kernels/code_dot.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "lib/base/error.h"
#include "lib/kernels/code_dot_table.h"
#include "lib/kernels/isa.h"

namespace fovea {
namespace {

// 127² times this many still is a 32-bit number.
constexpr std::size_t kMostCodes = 131'072;

const CodeDotTable& CurrentCodeDots() {
  switch (CurrentIsa()) {
#if defined(__x86_64__)
    case Isa::kAvx512Vnni:
      return Avx512VnniCodeDots();
    case Isa::kAvx512:
      return Avx512CodeDots();
    case Isa::kAvx2:
      return Avx2CodeDots();
#endif
    default:
      return ScalarCodeDots();
  }
}

void CheckShapes(std::size_t query, const CodeRows& rows, std::size_t wanted, std::size_t out) {
  if (query == rows.stride && query % kCodeAlignment == 0 && query <= kMostCodes && out == wanted)
    return;
  throw Error(ErrorCode::kInvalidArgument,
              "products of codes: a query of " + std::to_string(query) + " codes and rows of " +
                  std::to_string(rows.stride) + ", " + std::to_string(out) + " results for " +
                  std::to_string(wanted) + " rows");
}

}  // namespace

CodeScale EncodeRow(std::span<const float> x, std::span<std::int8_t> codes) {
  float largest = 0;
  for (const float value : x) largest = std::max(largest, std::fabs(value));
  const float scale = largest / 127;
  std::fill(codes.begin(), codes.end(), std::int8_t{0});
  double lost = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    // Half a unit in the last place of `scale` can lift the greatest above 127.
    const float code = scale > 0 ? std::clamp(std::nearbyint(x[i] / scale), -127.0f, 127.0f) : 0.0f;
    codes[i] = static_cast<std::int8_t>(code);
    const double rest = static_cast<double>(x[i]) - static_cast<double>(scale) * code;
    lost += rest * rest;
  }
  // Rounded up, since it is a bound.
  const auto error = static_cast<float>(std::sqrt(lost) * (1 + 1e-6));
  return {scale, error};
}

void CodeDotRows(std::span<const std::int8_t> query, const CodeRows& rows,
                 std::span<std::int32_t> out) {
  CheckShapes(query.size(), rows, rows.count, out.size());
  CurrentCodeDots().dot_rows(query.data(), rows.data, rows.count, rows.stride, out.data());
}

void CodeDotListed(std::span<const std::int8_t> query, const CodeRows& rows,
                   std::span<const std::uint32_t> listed, std::span<std::int32_t> out) {
  CheckShapes(query.size(), rows, listed.size(), out.size());
  CurrentCodeDots().dot_listed(query.data(), rows.data, listed.data(), listed.size(), rows.stride,
                               out.data());
}

}  // namespace fovea
