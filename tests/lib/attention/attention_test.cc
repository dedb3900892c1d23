#include "lib/attention/attention.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

#include "lib/base/thread_pool.h"
#include "lib/kernels/isa.h"
#include "lib/kernels/kernel_table.h"
#include "tests/reference/attention.h"
#include "tests/reference/weights.h"
#include "tests/support/expect_error.h"

namespace fovea {
namespace {

constexpr double kUlp = std::numeric_limits<float>::epsilon() / 2;

struct Inputs {
  Inputs(std::size_t queries, std::size_t keys, const AttentionShape& shape, std::mt19937& random)
      : width(static_cast<std::size_t>(shape.heads * shape.head_width)),
        kv_width(static_cast<std::size_t>(shape.kv_heads * shape.head_width)),
        storage(reference::RandomFloats(1 + queries * width + 2 * keys * kv_width, random)) {
    query = {storage.data() + 1, queries, width, width};
    key = {query.data + queries * width, keys, kv_width, kv_width};
    value = {key.data + keys * kv_width, keys, kv_width, kv_width};
    for (std::size_t i = 0; i < queries * width; ++i) query.data[i] *= 4;
  }
  std::size_t width;
  std::size_t kv_width;
  std::vector<float> storage;
  MatrixView query;
  MatrixView key;
  MatrixView value;
};

double Scale(const AttentionShape& shape) {
  return shape.scale != 0 ? shape.scale : 1 / std::sqrt(shape.head_width);
}

// Scores of |q·k|·scale ≤ 4·√Dh are off by (2 Dh + 4) ulp of that; a weight is then off by twice as
// much, relatively, plus the softmax's own 8 ulp and (2 Tk) ulp of the sums; values are below 1.
double Bound(const AttentionShape& shape, std::size_t keys) {
  const double score = 4 * shape.head_width * Scale(shape) * (2 * shape.head_width + 4);
  return (2 * score + 2 * static_cast<double>(keys) + 8) * kUlp;
}

void ExpectNear(ConstMatrixView actual, const std::vector<double>& expected, double bound) {
  for (std::size_t r = 0; r < actual.rows; ++r) {
    for (std::size_t i = 0; i < actual.cols; ++i) {
      ASSERT_NEAR(actual.row(r)[i], expected[r * actual.cols + i], bound)
          << "row " << r << " column " << i;
    }
  }
}

constexpr AttentionShape kShapes[] = {
    {.heads = 1, .kv_heads = 1, .head_width = 1},
    {.heads = 2, .kv_heads = 2, .head_width = 15},
    {.heads = 12, .kv_heads = 12, .head_width = 32},
    {.heads = 9, .kv_heads = 3, .head_width = 64},
    {.heads = 2, .kv_heads = 1, .head_width = 80, .scale = 0.3f},
};

TEST(Attention, EqualsTheDoubleReferenceOnEveryIsaAndShape) {
  std::mt19937 random(1);
  for (const AttentionShape& shape : kShapes) {
    for (std::size_t keys : {0u, 1u, 15u, 16u, 17u, 63u, 65u, 130u}) {
      for (std::size_t queries : {0u, 1u, 2u, 7u, 33u}) {
        const Inputs in(queries, keys, shape, random);
        const auto expected =
            reference::Attention(in.query, in.key, in.value, static_cast<std::size_t>(shape.heads),
                                 static_cast<std::size_t>(shape.kv_heads), Scale(shape),
                                 [](std::size_t, std::size_t) { return true; });
        for (Isa isa : AvailableIsas()) {
          const ScopedIsa scoped(isa);
          SCOPED_TRACE(testing::Message()
                       << Name(isa) << " heads " << shape.heads << " width " << shape.head_width
                       << " " << queries << " queries " << keys << " keys");
          Matrix out(queries, in.width);
          Matrix weights(queries * static_cast<std::size_t>(shape.heads), keys);
          ScaledDotProductAttention(shape, in.query, in.key, in.value, {}, out.view(), {}, nullptr);
          ExpectNear(out.view(), expected.out, Bound(shape, keys));
          ScaledDotProductAttention(shape, in.query, in.key, in.value, {}, out.view(),
                                    weights.view(), nullptr);
          ExpectNear(out.view(), expected.out, Bound(shape, keys));
          ExpectNear(weights.view(), expected.weights, Bound(shape, keys));
          if (HasFatalFailure()) return;
        }
      }
    }
  }
}

TEST(Attention, CausalQueriesSeeTheirPastAloneWhateverComesAfter) {
  std::mt19937 random(2);
  const AttentionShape shape = kShapes[3];
  for (std::ptrdiff_t offset : {-3, 0, 1, 20, 100}) {
    const std::size_t queries = 37, keys = 70;
    Inputs in(queries, keys, shape, random);
    const auto sees = [&](std::size_t q, std::size_t k) {
      return static_cast<std::ptrdiff_t>(k) <= static_cast<std::ptrdiff_t>(q) + offset;
    };
    const auto expected =
        reference::Attention(in.query, in.key, in.value, 9, 3, Scale(shape), sees);
    const AttentionMask mask = {.causal = true, .causal_offset = offset};
    for (Isa isa : AvailableIsas()) {
      const ScopedIsa scoped(isa);
      Matrix out(queries, in.width);
      Matrix weights(9 * queries, keys);
      ScaledDotProductAttention(shape, in.query, in.key, in.value, mask, out.view(), weights.view(),
                                nullptr);
      ExpectNear(out.view(), expected.out, Bound(shape, keys));
      ExpectNear(weights.view(), expected.weights, Bound(shape, keys));

      // One query at a time, with NaN wherever it may not look.
      for (std::size_t q = 0; q < queries; ++q) {
        Inputs poisoned = in;
        for (MatrixView* view : {&poisoned.query, &poisoned.key, &poisoned.value}) {
          view->data = poisoned.storage.data() + (view->data - in.storage.data());
        }
        for (std::size_t k = 0; k < keys; ++k) {
          if (sees(q, k)) continue;
          std::fill_n(poisoned.key.row(k), in.kv_width, std::numeric_limits<float>::quiet_NaN());
          std::fill_n(poisoned.value.row(k), in.kv_width, std::numeric_limits<float>::quiet_NaN());
        }
        Matrix one(1, in.width);
        const AttentionMask step = {.causal = true,
                                    .causal_offset = offset + static_cast<std::ptrdiff_t>(q)};
        ScaledDotProductAttention(shape, in.query.Rows(q, q + 1), poisoned.key, poisoned.value,
                                  step, one.view(), {}, nullptr);
        ASSERT_EQ(std::memcmp(one.data(), out.row(q).data(), in.width * sizeof(float)), 0)
            << Name(isa) << " query " << q;
        Matrix again(queries, in.width);
        ScaledDotProductAttention(shape, in.query, poisoned.key, poisoned.value, mask, again.view(),
                                  {}, nullptr);
        ASSERT_EQ(std::memcmp(again.row(q).data(), out.row(q).data(), in.width * sizeof(float)), 0)
            << "query " << q;
      }
    }
  }
}

TEST(Attention, SequencesOfABatchAreIndependentBitForBit) {
  std::mt19937 random(3);
  const AttentionShape shape = kShapes[2];
  const std::size_t query_starts[] = {0, 3, 3, 140, 141};
  const std::size_t key_starts[] = {0, 70, 71, 71, 250};
  const Inputs in(141, 250, shape, random);
  for (bool causal : {false, true}) {
    const AttentionMask mask = {.causal = causal,
                                .causal_offset = 2,
                                .query_starts = query_starts,
                                .key_starts = key_starts};
    for (Isa isa : AvailableIsas()) {
      const ScopedIsa scoped(isa);
      Matrix all(141, in.width);
      Matrix weights(12 * 141, 250);
      ScaledDotProductAttention(shape, in.query, in.key, in.value, mask, all.view(), weights.view(),
                                nullptr);
      for (std::size_t s = 0; s + 1 < std::size(query_starts); ++s) {
        const std::size_t begin = query_starts[s], end = query_starts[s + 1];
        const ConstMatrixView key = ConstMatrixView(in.key).Rows(key_starts[s], key_starts[s + 1]);
        const ConstMatrixView value =
            ConstMatrixView(in.value).Rows(key_starts[s], key_starts[s + 1]);
        Matrix out(end - begin, in.width);
        ScaledDotProductAttention(shape, ConstMatrixView(in.query).Rows(begin, end), key, value,
                                  {.causal = causal, .causal_offset = 2}, out.view(), {}, nullptr);
        if (begin < end) {
          ASSERT_EQ(std::memcmp(out.data(), all.row(begin).data(),
                                (end - begin) * in.width * sizeof(float)),
                    0)
              << Name(isa) << " sequence " << s;
        }
        for (std::size_t q = begin; q < end; ++q) {
          for (std::size_t k = 0; k < 250; ++k) {
            const bool seen = k >= key_starts[s] && k < key_starts[s + 1];
            for (std::size_t head = 0; head < 12; ++head)
              ASSERT_TRUE(seen || weights.row(head * 141 + q)[k] == 0);
          }
        }
      }
      for (int threads : {1, 2, 5}) {
        ThreadPool pool(threads);
        Matrix out(141, in.width), again(weights.rows(), weights.cols());
        ScaledDotProductAttention(shape, in.query, in.key, in.value, mask, out.view(), again.view(),
                                  &pool);
        ASSERT_EQ(std::memcmp(out.data(), all.data(), 141 * in.width * sizeof(float)), 0)
            << threads << " threads";
        ASSERT_EQ(std::memcmp(again.data(), weights.data(), 12 * 141 * 250 * sizeof(float)), 0)
            << threads << " threads";
      }
    }
  }
}

TEST(Attention, LongCachesAreCutIntoBlocksWithoutATrace) {
  std::mt19937 random(4);
  const AttentionShape shape = {.heads = 3, .kv_heads = 1, .head_width = 64};
  const std::size_t keys = 4000;
  const Inputs in(90, keys, shape, random);
  const AttentionMask mask = {.causal = true,
                              .causal_offset = static_cast<std::ptrdiff_t>(keys) - 90};
  const auto expected =
      reference::Attention(in.query, in.key, in.value, 3, 1, Scale(shape),
                           [&](std::size_t q, std::size_t k) { return k <= q + keys - 90; });
  for (Isa isa : AvailableIsas()) {
    const ScopedIsa scoped(isa);
    Matrix out(90, in.width);
    ScaledDotProductAttention(shape, in.query, in.key, in.value, mask, out.view(), {}, nullptr);
    ExpectNear(out.view(), expected.out, Bound(shape, keys));
    Matrix one(1, in.width);
    for (std::size_t q : {0u, 44u, 89u}) {
      ScaledDotProductAttention(
          shape, in.query.Rows(q, q + 1), in.key, in.value,
          {.causal = true, .causal_offset = mask.causal_offset + static_cast<std::ptrdiff_t>(q)},
          one.view(), {}, nullptr);
      ASSERT_EQ(std::memcmp(one.data(), out.row(q).data(), in.width * sizeof(float)), 0)
          << Name(isa);
    }
  }
}

// What a cache of halves makes of a float.
float Rounded(float value) {
  std::uint16_t half = 0;
  CurrentKernels().round_to_f16(&value, 1, &half);
  return static_cast<float>(reference::HalfValue(half));
}

constexpr AttentionShape kCachedShapes[] = {
    kShapes[0], kShapes[1], kShapes[3], kShapes[4], {.heads = 14, .kv_heads = 2, .head_width = 64}};

TEST(CachedAttention, EqualsTheReferenceOnTheKeysAndValuesAsStored) {
  std::mt19937 random(6);
  for (const AttentionShape& shape : kCachedShapes) {
    for (const KeyValuePrecision precision : {KeyValuePrecision::kF32, KeyValuePrecision::kF16}) {
      for (std::size_t keys : {1u, 15u, 16u, 17u, 64u, 65u, 130u}) {
        const Inputs in(keys, keys, shape, random);
        Inputs stored = in;
        stored.key.data = stored.storage.data() + (in.key.data - in.storage.data());
        stored.value.data = stored.storage.data() + (in.value.data - in.storage.data());
        if (precision == KeyValuePrecision::kF16) {
          for (std::size_t i = 0; i < 2 * keys * in.kv_width; ++i)
            stored.key.data[i] = Rounded(stored.key.data[i]);
        }
        const auto expected = reference::Attention(
            in.query, stored.key, stored.value, static_cast<std::size_t>(shape.heads),
            static_cast<std::size_t>(shape.kv_heads), Scale(shape),
            [](std::size_t q, std::size_t k) { return k <= q; });
        for (Isa isa : AvailableIsas()) {
          const ScopedIsa scoped(isa);
          SCOPED_TRACE(testing::Message()
                       << Name(isa) << " heads " << shape.heads << " width " << shape.head_width
                       << " " << keys << " keys, precision " << static_cast<int>(precision));
          KeyValuePanels cached({shape.kv_heads, shape.head_width, precision}, keys);
          cached.Write(0, in.key, in.value);
          Matrix out(keys, in.width);
          CachedAttention(shape, in.query, cached, keys, out.view(), nullptr);
          ExpectNear(out.view(), expected.out, Bound(shape, keys));
          if (HasFatalFailure()) return;
        }
      }
    }
  }
}

// Any number of queries at a time, the keys of later tokens not yet written or anything at all.
TEST(CachedAttention, AQuerysResultDependsOnItsPastAloneBitForBit) {
  std::mt19937 random(7);
  const std::size_t keys = 200;
  for (const AttentionShape& shape : kCachedShapes) {
    for (const KeyValuePrecision precision : {KeyValuePrecision::kF32, KeyValuePrecision::kF16}) {
      const Inputs in(keys, keys, shape, random);
      for (Isa isa : AvailableIsas()) {
        const ScopedIsa scoped(isa);
        SCOPED_TRACE(testing::Message()
                     << Name(isa) << " heads " << shape.heads << " width " << shape.head_width
                     << " precision " << static_cast<int>(precision));
        KeyValuePanels whole({shape.kv_heads, shape.head_width, precision}, keys);
        whole.Write(0, in.key, in.value);
        Matrix expected(keys, in.width);
        CachedAttention(shape, in.query, whole, keys, expected.view(), nullptr);
        for (const std::size_t step : {1u, 2u, 3u, 5u, 64u}) {
          ThreadPool pool(static_cast<int>(step % 3) + 1);
          KeyValuePanels cached({shape.kv_heads, shape.head_width, precision}, keys);
          const std::vector<float> nan(keys * in.kv_width, std::numeric_limits<float>::quiet_NaN());
          const ConstMatrixView anything = {nan.data(), keys, in.kv_width, in.kv_width};
          cached.Write(0, anything, anything);
          Matrix out(keys, in.width);
          for (std::size_t q = 0; q < keys; q += step) {
            const std::size_t end = std::min(q + step, keys);
            cached.Write(q, ConstMatrixView(in.key).Rows(q, end),
                         ConstMatrixView(in.value).Rows(q, end));
            CachedAttention(shape, ConstMatrixView(in.query).Rows(q, end), cached, end,
                            out.view().Rows(q, end), &pool);
          }
          ASSERT_EQ(std::memcmp(out.data(), expected.data(), keys * in.width * sizeof(float)), 0)
              << step << " at a time";
        }
      }
    }
  }
}

TEST(CachedAttention, CachesThatDoNotFitAreRefused) {
  const AttentionShape shape = {.heads = 2, .kv_heads = 1, .head_width = 4};
  Matrix query(2, 8), out(2, 8);
  const auto run = [&](const KeyValueShape& cache_shape, std::size_t tokens) {
    CachedAttention(shape, query.view(), KeyValuePanels(cache_shape, 16), tokens, out.view(),
                    nullptr);
  };
  EXPECT_ERROR(run({2, 4}, 2), ErrorCode::kInvalidArgument, "heads");
  EXPECT_ERROR(run({1, 8}, 2), ErrorCode::kInvalidArgument, "heads");
  EXPECT_ERROR(run({1, 4}, 17), ErrorCode::kInvalidArgument, "room");
  EXPECT_ERROR(run({1, 4}, 1), ErrorCode::kInvalidArgument, "queries");
}

TEST(Attention, ShapesThatDoNotFitAreRefused) {
  Matrix query(2, 8), key(3, 4), wide(3, 8), out(2, 8), short_out(1, 8);
  const AttentionShape shape = {.heads = 2, .kv_heads = 1, .head_width = 4};
  const auto run = [&](const AttentionShape& s, Matrix& k, Matrix& o, const AttentionMask& mask) {
    ScaledDotProductAttention(s, query.view(), k.view(), k.view(), mask, o.view(), {}, nullptr);
  };
  EXPECT_ERROR(run({.heads = 3, .kv_heads = 2, .head_width = 4}, key, out, {}),
               ErrorCode::kInvalidArgument, "heads");
  EXPECT_ERROR(run(shape, wide, out, {}), ErrorCode::kInvalidArgument, "widths");
  EXPECT_ERROR(run(shape, key, short_out, {}), ErrorCode::kInvalidArgument, "outputs");
  const std::size_t queries[] = {0, 2}, keys[] = {0, 4}, descending[] = {2, 0};
  EXPECT_ERROR(run(shape, key, out, {.query_starts = queries, .key_starts = keys}),
               ErrorCode::kInvalidArgument, "starts");
  EXPECT_ERROR(run(shape, key, out, {.query_starts = queries, .key_starts = descending}),
               ErrorCode::kInvalidArgument, "starts");
  EXPECT_ERROR(run(shape, key, out, {.query_starts = queries}), ErrorCode::kInvalidArgument,
               "sequences");
}

TEST(AttentionWeights, AreTheSoftmaxOfScaledScores) {
  std::mt19937 random(5);
  const std::vector<float> data = reference::RandomFloats(41 * 24, random);
  const ConstMatrixView keys = {data.data(), 40, 24, 24};
  const std::span<const float> query(data.data() + 40 * 24, 24);
  std::vector<double> scores(40);
  for (std::size_t k = 0; k < 40; ++k) {
    for (std::size_t i = 0; i < 24; ++i)
      scores[k] += static_cast<double>(query[i]) * keys.row(k)[i] / 0.05;
  }
  const std::vector<double> expected = reference::Softmax(scores);
  for (Isa isa : AvailableIsas()) {
    const ScopedIsa scoped(isa);
    const std::vector<float> weights = AttentionWeights(query, keys, 0.05f);
    ASSERT_EQ(weights.size(), 40u);
    // Scores reach 24 / 0.05 and are off by 50 ulp of that; weights by twice it, relatively.
    for (std::size_t k = 0; k < 40; ++k) EXPECT_NEAR(weights[k], expected[k], 2 * 50 * 480 * kUlp);
  }
  EXPECT_TRUE(AttentionWeights(query, {data.data(), 0, 24, 24}, 1).empty());
  EXPECT_ERROR(AttentionWeights(query, keys, 0), ErrorCode::kInvalidArgument, "temperature");
  EXPECT_ERROR(AttentionWeights(query, keys, std::numeric_limits<float>::quiet_NaN()),
               ErrorCode::kInvalidArgument, "temperature");
}

}  // namespace
}  // namespace fovea
