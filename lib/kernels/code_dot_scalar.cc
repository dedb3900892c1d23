// Portable products of codes, and the plainest statement of what they compute.

#include "lib/kernels/code_dot_table.h"

namespace fovea {
namespace {

std::int32_t Dot(const std::int8_t* a, const std::int8_t* b, std::size_t n) {
  std::int32_t sum = 0;
  for (std::size_t i = 0; i < n; ++i) sum += static_cast<std::int32_t>(a[i]) * b[i];
  return sum;
}

void DotRows(const std::int8_t* query, const std::int8_t* rows, std::size_t count, std::size_t n,
             std::int32_t* out) {
  for (std::size_t r = 0; r < count; ++r) out[r] = Dot(query, rows + r * n, n);
}

void DotListed(const std::int8_t* query, const std::int8_t* rows, const std::uint32_t* listed,
               std::size_t count, std::size_t n, std::int32_t* out) {
  for (std::size_t j = 0; j < count; ++j) out[j] = Dot(query, rows + listed[j] * n, n);
}

}  // namespace

const CodeDotTable& ScalarCodeDots() {
  static constexpr CodeDotTable table = {.dot_rows = DotRows, .dot_listed = DotListed};
  return table;
}

}  // namespace fovea
