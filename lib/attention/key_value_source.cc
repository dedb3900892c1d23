#include "lib/attention/key_value_source.h"

#include <algorithm>
#include <string>

#include "lib/base/error.h"
#include "lib/kernels/kernel_table.h"

namespace fovea {

void KeyValueSource::Check(const AttentionShape& shape) const {
  const auto fail = [](const char* what) {
    throw Error(ErrorCode::kInvalidArgument, std::string("attention: ") + what);
  };
  if (cached != nullptr) {
    if (cached->shape().kv_heads != shape.kv_heads ||
        cached->shape().head_width != shape.head_width)
      fail("the cache is not one of these heads");
    if (tokens > cached->capacity()) fail("the cache has no room for so many tokens");
    return;
  }
  const std::size_t width =
      static_cast<std::size_t>(shape.kv_heads) * static_cast<std::size_t>(shape.head_width);
  if (key.cols != width || value.cols != width)
    fail("the widths of key or value are not those of the heads");
  if (value.rows != key.rows) fail("as many values as keys are needed");
}

const float* KeyValueSource::KeyPanel(std::size_t kv_head, std::size_t width, std::size_t first,
                                      std::size_t count, float* scratch) const {
  const KernelTable& kernels = CurrentKernels();
  if (cached == nullptr) {
    kernels.pack_panel(key.row(first) + kv_head * width, key.stride, count, width, scratch);
    return scratch;
  }
  const std::byte* panel = cached->KeyPanel(kv_head, first / kPanelWidth);
  if (!HoldsHalves()) return reinterpret_cast<const float*>(panel);
  kernels.unpack_f16(panel, width, scratch);
  return scratch;
}

const float* KeyValueSource::ValuePanel(std::size_t kv_head, std::size_t width, std::size_t panel,
                                        std::size_t first, std::size_t count,
                                        float* scratch) const {
  if (cached == nullptr) {
    const std::size_t column = panel * kPanelWidth;
    const std::size_t lanes = std::min(kPanelWidth, width - column);
    for (std::size_t k = 0; k < count; ++k) {
      float* to = scratch + k * kPanelWidth;
      std::copy_n(value.row(first + k) + kv_head * width + column, lanes, to);
      std::fill(to + lanes, to + kPanelWidth, 0.0f);
    }
    return scratch;
  }
  const std::byte* values = cached->ValuePanel(kv_head, panel);
  if (!HoldsHalves()) return reinterpret_cast<const float*>(values) + first * kPanelWidth;
  CurrentKernels().unpack_f16(values + 2 * first * kPanelWidth, count, scratch);
  return scratch;
}

}  // namespace fovea
