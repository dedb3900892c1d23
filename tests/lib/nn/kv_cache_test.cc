#include "lib/nn/kv_cache.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "lib/kernels/isa.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_folder.h"
#include "tests/support/tiny_models.h"

namespace fovea {
namespace {

std::vector<TokenId> RandomIds(std::size_t count, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<TokenId> ids(count);
  for (TokenId& id : ids)
    id = TokenId{static_cast<std::int32_t>(random() % TinyLlama::kVocabulary)};
  return ids;
}

class KvCacheTest : public ::testing::Test {
 protected:
  std::unique_ptr<Decoder> Load(const DecoderOptions& options = {},
                                const TinyLlamaOptions& model = {}) {
    return Decoder::Load(folder_.Write("tiny.gguf", TinyLlama(model).writer.Bytes()), options);
  }
  TempFolder folder_;
};

TEST_F(KvCacheTest, SavedAndLoadedItGoesOnBitForBit) {
  for (const Isa isa : AvailableIsas()) {
    SCOPED_TRACE(Name(isa));
    const ScopedIsa forced(isa);
    for (const KeyValuePrecision precision : {KeyValuePrecision::kF32, KeyValuePrecision::kF16}) {
      const auto decoder = Load({.cache = precision});
      const std::vector<TokenId> ids = RandomIds(90, 1);
      const std::vector<TokenId> more = RandomIds(20, 2);
      KvCache cache;
      decoder->Forward(cache, ids, nullptr);
      for (const std::size_t kept : {1u, 16u, 17u, 90u}) {
        const std::vector<std::byte> bytes = decoder->SaveCache(cache, kept);
        EXPECT_EQ(bytes.size(), decoder->CacheBytes(kept));
        KvCache loaded = decoder->LoadCache(bytes, kept);
        EXPECT_EQ(loaded.size(), kept);
        EXPECT_EQ(decoder->SaveCache(loaded, kept), bytes);
        KvCache fresh;
        decoder->Forward(fresh, std::span(ids).first(kept), nullptr);
        EXPECT_EQ(decoder->SaveCache(fresh, kept), bytes);
        EXPECT_EQ(decoder->Forward(loaded, more, nullptr), decoder->Forward(fresh, more, nullptr));
      }
    }
  }
}

TEST_F(KvCacheTest, WhatIsNotThereOrOfAnotherSizeIsRefused) {
  const auto decoder = Load();
  KvCache cache;
  decoder->Forward(cache, RandomIds(10, 1), nullptr);
  EXPECT_ERROR(decoder->SaveCache(cache, 11), ErrorCode::kInvalidArgument, "hold 11 tokens");
  EXPECT_ERROR(decoder->CacheBytes(TinyLlama::kContext + 1), ErrorCode::kInvalidArgument,
               "exceed the context");
  std::vector<std::byte> bytes = decoder->SaveCache(cache, 10);
  EXPECT_ERROR(decoder->LoadCache(bytes, 17), ErrorCode::kCorrupt, "17 tokens");
  bytes.push_back({});
  EXPECT_ERROR(decoder->LoadCache(bytes, 10), ErrorCode::kCorrupt, "10 tokens");
  const auto other = Load({.cache = KeyValuePrecision::kF32});
  EXPECT_ERROR(other->SaveCache(cache, 10), ErrorCode::kInvalidArgument, "does not hold");
}

TEST_F(KvCacheTest, MovedTokensKeepTheirValuesAndTurnTheirKeys) {
  const auto decoder = Load({.cache = KeyValuePrecision::kF32}, {.type = WeightType::kF32});
  const std::vector<TokenId> head = RandomIds(21, 1);
  const std::vector<TokenId> block = RandomIds(30, 2);
  KvCache near, far;
  decoder->Forward(near, head, nullptr);
  far = near.Clone();
  decoder->Forward(near, block, nullptr);

  // Without a distance it is a copy, bit for bit.
  KvCache copy = far.Clone();
  decoder->AppendMoved(copy, near, {.first = 21, .count = 30});
  EXPECT_EQ(decoder->SaveCache(copy, 51), decoder->SaveCache(near, 51));

  // In the first layer nothing but the position tells the block's keys here from those there.
  decoder->Forward(far, RandomIds(40, 3), nullptr);
  KvCache moved = far.Clone();
  decoder->Forward(far, block, nullptr);
  decoder->AppendMoved(moved, near, {.first = 21, .count = 30, .distance = 40, .key_scale = 2});
  ASSERT_EQ(moved.size(), 91u);
  const auto width =
      static_cast<std::size_t>(decoder->config().kv_heads * decoder->config().head_width);
  Matrix keys(30, width), values(30, width), want_keys(30, width), want_values(30, width);
  moved.state().layers[0].Read(61, keys.view(), values.view());
  far.state().layers[0].Read(61, want_keys.view(), want_values.view());
  for (std::size_t i = 0; i < 30 * width; ++i) {
    ASSERT_NEAR(keys.data()[i], 2 * want_keys.data()[i], 1e-5F) << i;
    ASSERT_EQ(values.data()[i], want_values.data()[i]) << i;
  }
  EXPECT_ERROR(decoder->AppendMoved(moved, near, {.first = 22, .count = 30}),
               ErrorCode::kInvalidArgument, "does not hold 52");
  decoder->Forward(moved, RandomIds(200, 4), nullptr);
  EXPECT_ERROR(decoder->AppendMoved(moved, near, {.first = 0, .count = 30}),
               ErrorCode::kInvalidArgument, "exceed the context");
}

TEST_F(KvCacheTest, TheFingerprintTellsApartWhatDiffers) {
  std::vector<std::string> fingerprints;
  for (const Isa isa : AvailableIsas()) {
    const ScopedIsa forced(isa);
    for (const DecoderPrecision precision : {DecoderPrecision::kFast, DecoderPrecision::kF32}) {
      for (const KeyValuePrecision cache : {KeyValuePrecision::kF32, KeyValuePrecision::kF16}) {
        for (const std::uint32_t seed : {1u, 2u}) {
          fingerprints.push_back(
              Load({.precision = precision, .cache = cache}, {.seed = seed})->cache_fingerprint());
        }
      }
    }
  }
  std::sort(fingerprints.begin(), fingerprints.end());
  EXPECT_EQ(std::unique(fingerprints.begin(), fingerprints.end()), fingerprints.end());
}

}  // namespace
}  // namespace fovea
