#include "lib/attention/key_value_panels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <random>

#include "tests/reference/weights.h"

namespace fovea {
namespace {

double At(const std::byte* panel, KeyValuePrecision precision, std::size_t i) {
  if (precision == KeyValuePrecision::kF32) {
    float value = 0;
    std::memcpy(&value, panel + 4 * i, sizeof(value));
    return value;
  }
  std::uint16_t half = 0;
  std::memcpy(&half, panel + 2 * i, sizeof(half));
  return reference::HalfValue(half);
}

// Token t's keys and values lie where the header says; numbers below 1 are off by 2⁻¹² in halves.
void ExpectToken(const KeyValuePanels& panels, std::size_t token, const float* key,
                 const float* value) {
  const auto& [heads, width, precision] = panels.shape();
  const double bound = precision == KeyValuePrecision::kF16 ? 0x1p-12 : 0;
  for (int head = 0; head < heads; ++head) {
    const auto h = static_cast<std::size_t>(head);
    for (std::size_t i = 0; i < static_cast<std::size_t>(width); ++i) {
      const std::size_t column = h * static_cast<std::size_t>(width) + i;
      ASSERT_NEAR(At(panels.KeyPanel(h, token / 16), precision, 16 * i + token % 16), key[column],
                  bound)
          << "token " << token << " column " << column;
      ASSERT_NEAR(At(panels.ValuePanel(h, i / 16), precision, 16 * token + i % 16), value[column],
                  bound)
          << "token " << token << " column " << column;
    }
  }
}

TEST(KeyValuePanels, HoldWhatWasWrittenAlsoAfterGrowingAndShrinking) {
  std::mt19937 random(1);
  for (const KeyValuePrecision precision : {KeyValuePrecision::kF32, KeyValuePrecision::kF16}) {
    for (const int width : {1, 15, 16, 64, 80}) {
      const KeyValueShape shape = {.kv_heads = 3, .head_width = width, .precision = precision};
      const std::size_t tokens = 37;
      const auto columns = static_cast<std::size_t>(3 * width);
      const std::vector<float> floats = reference::RandomFloats(2 * tokens * columns, random);
      const ConstMatrixView keys = {floats.data(), tokens, columns, columns};
      const ConstMatrixView values = {keys.row(tokens), tokens, columns, columns};
      KeyValuePanels panels(shape, tokens);
      EXPECT_EQ(panels.capacity(), 48u);
      for (const auto& [begin, end] : {std::pair<std::size_t, std::size_t>{20, 37}, {0, 20}})
        panels.Write(begin, keys.Rows(begin, end), values.Rows(begin, end));
      for (const std::size_t kept : {37u, 17u, 16u, 1u}) {
        KeyValuePanels larger(shape, 100), exact(shape, kept);
        larger.CopyFrom(panels, kept);
        exact.CopyFrom(larger, kept);
        for (std::size_t t = 0; t < kept; ++t) ExpectToken(exact, t, keys.row(t), values.row(t));
      }
      for (std::size_t t = 0; t < tokens; ++t) ExpectToken(panels, t, keys.row(t), values.row(t));
    }
  }
}

TEST(KeyValuePanels, BytesOfAPrefixKnowNothingOfWhatFollowedIt) {
  std::mt19937 random(2);
  for (const KeyValuePrecision precision : {KeyValuePrecision::kF32, KeyValuePrecision::kF16}) {
    const KeyValueShape shape = {.kv_heads = 2, .head_width = 20, .precision = precision};
    const std::size_t columns = 40;
    const std::vector<float> shared = reference::RandomFloats(48 * columns, random);
    for (const std::size_t kept : {1u, 15u, 16u, 17u, 47u, 48u}) {
      std::vector<std::byte> bytes[2];
      for (std::vector<std::byte>& each : bytes) {
        std::vector<float> rows = reference::RandomFloats(48 * columns, random);
        std::copy_n(shared.begin(), kept * columns, rows.begin());
        const ConstMatrixView view = {rows.data(), 48, columns, columns};
        KeyValuePanels panels(shape, 48), prefix(shape, kept);
        panels.Write(0, view, view);
        prefix.CopyFrom(panels, kept);
        each.assign(prefix.bytes().begin(), prefix.bytes().end());
      }
      EXPECT_EQ(bytes[0], bytes[1]) << kept;
      EXPECT_EQ(bytes[0].size(), KeyValuePanels::Bytes(shape, kept));
    }
  }
}

TEST(KeyValuePanels, ReadingGivesWhatWasWritten) {
  std::mt19937 random(3);
  for (const KeyValuePrecision precision : {KeyValuePrecision::kF32, KeyValuePrecision::kF16}) {
    const double bound = precision == KeyValuePrecision::kF16 ? 0x1p-12 : 0;
    for (const int width : {1, 16, 20}) {
      const KeyValueShape shape = {.kv_heads = 2, .head_width = width, .precision = precision};
      const auto columns = static_cast<std::size_t>(2 * width);
      const std::vector<float> floats = reference::RandomFloats(2 * 37 * columns, random);
      const ConstMatrixView keys = {floats.data(), 37, columns, columns};
      const ConstMatrixView values = {keys.row(37), 37, columns, columns};
      KeyValuePanels panels(shape, 37);
      panels.Write(0, keys, values);
      for (const auto& [begin, end] :
           {std::pair<std::size_t, std::size_t>{0, 37}, {5, 36}, {16, 17}}) {
        Matrix read_keys(end - begin, columns), read_values(end - begin, columns);
        panels.Read(begin, read_keys.view(), read_values.view());
        for (std::size_t t = begin; t < end; ++t) {
          for (std::size_t i = 0; i < columns; ++i) {
            ASSERT_NEAR(read_keys.row(t - begin)[i], keys.row(t)[i], bound) << t << ' ' << i;
            ASSERT_NEAR(read_values.row(t - begin)[i], values.row(t)[i], bound) << t << ' ' << i;
          }
        }
      }
    }
  }
}

TEST(KeyValuePanels, EmptyOnesHaveNoRoom) {
  EXPECT_EQ(KeyValuePanels().capacity(), 0u);
  KeyValuePanels none({.kv_heads = 2, .head_width = 8}, 0);
  EXPECT_EQ(none.capacity(), 0u);
  none.CopyFrom(KeyValuePanels({.kv_heads = 2, .head_width = 8}, 16), 0);
}

}  // namespace
}  // namespace fovea
