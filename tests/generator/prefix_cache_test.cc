#include "generator/prefix_cache.h"

#include <random>
#include <thread>

#include "generator/generate.h"
#include "lib/base/file.h"
#include "lib/base/hash.h"
#include "lib/base/thread_pool.h"
#include "lib/kernels/isa.h"
#include "tests/support/child_process.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_folder.h"
#include "tests/support/tiny_models.h"

namespace fovea {
namespace {

namespace fs = std::filesystem;

class PrefixCacheTest : public ::testing::Test {
 protected:
  std::unique_ptr<Decoder> Load(const DecoderOptions& options = {}) const {
    return Decoder::Load(model_, options);
  }
  PrefixCacheOptions Options(bool on_disk = true) {
    return {.folder = on_disk ? path_ : fs::path(),
            .log = [this](LogLevel, std::string_view line) { log_ += line; }};
  }
  static std::vector<TokenId> Tokens(std::size_t count, std::uint32_t seed) {
    std::mt19937 random(seed);
    std::vector<TokenId> tokens(count);
    for (TokenId& id : tokens) id = TokenId{static_cast<std::int32_t>(random() % 256)};
    return tokens;
  }
  static KvCache Computed(const Decoder& decoder, std::span<const TokenId> tokens) {
    KvCache cache;
    decoder.Forward(cache, tokens, nullptr);
    return cache;
  }
  static void Store(PrefixCache& cache, const Decoder& decoder, std::span<const TokenId> tokens) {
    cache.Store(decoder, tokens, Computed(decoder, tokens));
  }
  // The number of tokens found, 0 for none; what is found is what is computed.
  static std::size_t Found(PrefixCache& cache, const Decoder& decoder,
                           std::span<const TokenId> tokens, std::size_t more_than = 0) {
    const auto found = cache.Find(decoder, tokens, more_than, nullptr);
    if (!found) return 0;
    const std::size_t size = found->size();
    EXPECT_EQ(decoder.SaveCache(*found, size),
              decoder.SaveCache(Computed(decoder, tokens.first(size)), size));
    return size;
  }
  std::vector<fs::path> Files() const {
    return {fs::directory_iterator(path_), fs::directory_iterator()};
  }

  TempFolder folder_;
  fs::path path_ = folder_.path() / "prompts";
  fs::path model_ =
      folder_.Write("tiny.gguf", TinyLlama({.type = WeightType::kQ4_1}).writer.Bytes());
  std::string log_;
};

TEST_F(PrefixCacheTest, TheLongestStoredPrefixIsFoundInMemoryAndOnDisk) {
  const auto decoder = Load();
  const std::vector<TokenId> tokens = Tokens(60, 1);
  const auto first = [&](std::size_t count) { return std::span(tokens).first(count); };
  for (const bool on_disk : {false, true}) {
    PrefixCache cache(Options(on_disk));
    EXPECT_EQ(Found(cache, *decoder, tokens), 0u);
    for (const std::size_t count : {40u, 10u, 25u}) Store(cache, *decoder, first(count));
    for (int process = 0; process < 2; ++process) {
      PrefixCache next(Options(on_disk));
      PrefixCache& used = process == 0 ? cache : next;
      if (process == 1 && !on_disk) continue;
      EXPECT_EQ(Found(used, *decoder, first(24)), 10u);
      EXPECT_EQ(Found(used, *decoder, first(25)), 25u);
      EXPECT_EQ(Found(used, *decoder, tokens), 40u);
      EXPECT_EQ(Found(used, *decoder, tokens, 39), 40u);
      EXPECT_EQ(Found(used, *decoder, tokens, 40), 0u);
      EXPECT_EQ(Found(used, *decoder, Tokens(60, 2)), 0u);
    }
  }
  EXPECT_EQ(log_, "");
}

TEST_F(PrefixCacheTest, WhatWasComputedOtherwiseIsNotFound) {
  const std::vector<TokenId> tokens = Tokens(20, 1);
  PrefixCache cache(Options());
  const auto decoder = Load();
  Store(cache, *decoder, tokens);
  const auto other = Load({.cache = KeyValuePrecision::kF32});
  EXPECT_EQ(Found(cache, *other, tokens), 0u);
  Store(cache, *other, tokens);
  EXPECT_EQ(Found(cache, *other, tokens), 20u);
  EXPECT_EQ(Found(cache, *decoder, tokens), 20u);
  for (const Isa isa : AvailableIsas()) {
    const bool same = isa == CurrentIsa();
    const ScopedIsa forced(isa);
    EXPECT_EQ(Found(cache, *decoder, tokens), same ? 20u : 0u) << Name(isa);
  }
}

// As if a release with other kernels had written it: all is well with the file but its numbers.
TEST_F(PrefixCacheTest, NumbersThatDifferFromThoseComputedNowAreDropped) {
  const auto decoder = Load();
  const std::vector<TokenId> tokens = Tokens(20, 1);
  const auto other = Load({.precision = DecoderPrecision::kF32, .cache = KeyValuePrecision::kF16});
  PrefixFolder(path_, 1 << 20, {})
      .Put(decoder->cache_fingerprint(), tokens, other->SaveCache(Computed(*other, tokens), 20));
  PrefixCache cache(Options());
  EXPECT_EQ(Found(cache, *decoder, tokens), 0u);
  EXPECT_THAT(log_, ::testing::HasSubstr("computed otherwise"));
  EXPECT_TRUE(Files().empty());
  Store(cache, *decoder, tokens);
  EXPECT_EQ(Found(cache, *decoder, tokens), 20u);
}

TEST_F(PrefixCacheTest, TheLeastRecentlyUsedLeaveMemoryFirst) {
  const auto decoder = Load();
  PrefixCacheOptions options = Options(false);
  options.max_bytes = static_cast<std::int64_t>(3 * decoder->CacheBytes(16));
  PrefixCache cache(options);
  for (const std::uint32_t seed : {1u, 2u, 3u}) Store(cache, *decoder, Tokens(16, seed));
  EXPECT_EQ(Found(cache, *decoder, Tokens(16, 1), 16), 0u);  // A use, though nothing is handed out.
  Store(cache, *decoder, Tokens(16, 4));
  EXPECT_EQ(Found(cache, *decoder, Tokens(16, 2)), 0u);
  for (const std::uint32_t seed : {1u, 3u, 4u})
    EXPECT_EQ(Found(cache, *decoder, Tokens(16, seed)), 16u) << seed;
  Store(cache, *decoder, Tokens(64, 5));  // larger than all that is kept
  EXPECT_EQ(Found(cache, *decoder, Tokens(64, 5)), 0u);
  EXPECT_EQ(Found(cache, *decoder, Tokens(16, 1)), 16u);
}

TEST_F(PrefixCacheTest, KeysAndValuesOfOtherTokensAreRefused) {
  const auto decoder = Load();
  PrefixCache cache(Options());
  const std::vector<TokenId> tokens = Tokens(20, 1);
  const KvCache computed = Computed(*decoder, tokens);
  EXPECT_ERROR(cache.Store(*decoder, std::span(tokens).first(19), computed),
               ErrorCode::kInvalidArgument, "a prefix of 19");
  EXPECT_ERROR(cache.Store(*decoder, {}, KvCache()), ErrorCode::kInvalidArgument, "a prefix of 0");
}

// Prompts that share beginnings, in any order, with memory and folder that come and go.
TEST_F(PrefixCacheTest, GenerationsAreTheSameWithAndWithout) {
  ThreadPool pools[] = {ThreadPool(1), ThreadPool(2), ThreadPool(3)};
  const auto decoder = Load();
  std::mt19937 random(7);
  std::optional<PrefixCache> prefixes(Options());
  PromptCache session;
  const std::vector<TokenId> beginnings[] = {Tokens(70, 1), Tokens(70, 2)};
  for (int round = 0; round < 60; ++round) {
    SCOPED_TRACE(round);
    const std::size_t fixed = random() % 70;
    const auto& beginning = beginnings[random() % 2];
    std::vector<TokenId> prompt(beginning.begin(),
                                beginning.begin() + static_cast<std::ptrdiff_t>(fixed));
    const std::vector<TokenId> rest =
        Tokens(random() % 2 == 0 ? 1 : 1 + random() % 100, static_cast<std::uint32_t>(round));
    prompt.insert(prompt.end(), rest.begin(), rest.end());
    GenerateOptions options;
    options.max_tokens = 12;
    options.fixed_tokens = fixed + (random() % 8 == 0 ? 500 : 0);
    const Generation plain = Generate(*decoder, prompt, options, &pools[random() % 3]);
    if (random() % 4 == 0) prefixes.emplace(Options());
    if (random() % 8 == 0) fs::remove_all(path_);
    if (random() % 2 == 0) session = {};
    options.prefixes = &*prefixes;
    options.cache = &session;
    const Generation cached = Generate(*decoder, prompt, options, &pools[random() % 3]);
    EXPECT_EQ(cached.tokens, plain.tokens);
    ASSERT_EQ(session.tokens.size(), session.keys_values.size());
    EXPECT_EQ(decoder->SaveCache(session.keys_values, prompt.size()),
              decoder->SaveCache(Computed(*decoder, prompt), prompt.size()));
  }
  EXPECT_EQ(log_, "");
}

TEST_F(PrefixCacheTest, AnotherProcessWithOtherThreadsFindsIt) {
  const std::vector<TokenId> tokens = Tokens(50, 1);
  EXPECT_EQ(test::RunInChild([&] {
              const auto decoder = Load();
              ThreadPool pool(2);
              KvCache computed;
              decoder->Forward(computed, tokens, &pool);
              PrefixCache(Options()).Store(*decoder, tokens, computed);
              return 0;
            }),
            0);
  PrefixCache cache(Options());
  EXPECT_EQ(Found(cache, *Load(), tokens), 50u);
}

TEST_F(PrefixCacheTest, ThreadsShareIt) {
  const auto decoder = Load();
  PrefixCacheOptions options = Options();
  options.max_bytes = static_cast<std::int64_t>(4 * decoder->CacheBytes(32));
  PrefixCache cache(options);
  std::vector<std::thread> threads;
  for (std::uint32_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      std::mt19937 random(t);
      for (int i = 0; i < 30; ++i) {
        const std::vector<TokenId> tokens = Tokens(20, static_cast<std::uint32_t>(random() % 8));
        if (Found(cache, *decoder, tokens) == 0) Store(cache, *decoder, tokens);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(log_, "");
}

}  // namespace
}  // namespace fovea
