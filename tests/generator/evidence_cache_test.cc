#include "generator/evidence_cache.h"

#include <random>

#include "generator/generate.h"
#include "generator/prefix_cache.h"
#include "lib/base/thread_pool.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_folder.h"
#include "tests/support/tiny_models.h"

namespace fovea {
namespace {

constexpr std::int64_t kPlenty = std::int64_t{1} << 30;

class EvidenceCacheTest : public ::testing::Test {
 protected:
  static std::vector<TokenId> Tokens(std::size_t count, std::uint32_t seed) {
    std::mt19937 random(seed);
    std::vector<TokenId> tokens(count);
    for (TokenId& id : tokens) id = TokenId{static_cast<std::int32_t>(random() % 256)};
    return tokens;
  }
  // The keys and values of the whole prompt's first tokens, as `cache` and the options give them.
  std::vector<std::byte> Appended(EvidenceCache& cache, const std::vector<TokenId>& prompt,
                                  const std::vector<std::size_t>& blocks,
                                  const EvidenceReuse& options, ThreadPool* pool = nullptr) {
    KvCache keys_values;
    decoder_->Forward(keys_values, std::span(prompt).first(blocks.front()), pool);
    cache.Append(*decoder_, prompt, blocks, options, keys_values, pool);
    EXPECT_EQ(keys_values.size(), blocks.back());
    return decoder_->SaveCache(keys_values, keys_values.size());
  }
  std::vector<std::byte> Whole(const std::vector<TokenId>& prompt, std::size_t end) {
    KvCache keys_values;
    decoder_->Forward(keys_values, std::span(prompt).first(end), nullptr);
    return decoder_->SaveCache(keys_values, end);
  }

  TempFolder folder_;
  std::unique_ptr<Decoder> decoder_ = Decoder::Load(
      folder_.Write("tiny.gguf", TinyLlama({.type = WeightType::kQ4_1}).writer.Bytes()));
  std::vector<TokenId> prompt_ = Tokens(100, 1);
};

TEST_F(EvidenceCacheTest, OneBlockIsAsTheWholePromptBitForBit) {
  EvidenceCache cache(kPlenty);
  for (int use = 0; use < 2; ++use)
    EXPECT_EQ(Appended(cache, prompt_, {20, 57}, {}), Whole(prompt_, 57));
  EXPECT_EQ(cache.computed_tokens(), 37u);
}

TEST_F(EvidenceCacheTest, RecomputingAllIsAsTheWholePromptBitForBit) {
  EvidenceCache cache(kPlenty);
  EXPECT_EQ(Appended(cache, prompt_, {20, 40, 41, 77}, {.recomputed = 36}), Whole(prompt_, 77));
  EXPECT_NE(Appended(cache, prompt_, {20, 40, 41, 77}, {.recomputed = 3}), Whole(prompt_, 77));
}

// What is found, evicted or computed with other threads makes no difference.
TEST_F(EvidenceCacheTest, TheResultDependsOnPromptAndOptionsAlone) {
  ThreadPool pool(2);
  const std::vector<std::size_t> blocks = {20, 40, 56, 77};
  const EvidenceReuse options = {.temperature = 0.8F, .recomputed = 2};
  EvidenceCache fresh(kPlenty);
  const std::vector<std::byte> expected = Appended(fresh, prompt_, blocks, options);
  const std::size_t computed = fresh.computed_tokens();
  EXPECT_EQ(Appended(fresh, prompt_, blocks, options, &pool), expected);
  EXPECT_EQ(fresh.computed_tokens(), computed + 4) << "two blocks, two tokens each";
  EvidenceCache small(static_cast<std::int64_t>(decoder_->CacheBytes(20)));
  EXPECT_EQ(Appended(small, prompt_, {20, 40, 56}, {}), Appended(fresh, prompt_, {20, 40, 56}, {}));
  EXPECT_EQ(Appended(small, prompt_, blocks, options), expected);
  EvidenceCache none(0);
  EXPECT_EQ(Appended(none, prompt_, blocks, options), expected);
}

TEST_F(EvidenceCacheTest, ABlockIsUsedAgainWhereverItStands) {
  EvidenceCache cache(kPlenty);
  Appended(cache, prompt_, {20, 40, 77}, {});
  std::vector<TokenId> swapped(prompt_.begin(), prompt_.begin() + 20);
  swapped.insert(swapped.end(), prompt_.begin() + 40, prompt_.begin() + 77);
  swapped.insert(swapped.end(), prompt_.begin() + 20, prompt_.begin() + 40);
  const std::size_t computed = cache.computed_tokens();
  Appended(cache, swapped, {20, 57, 77}, {});
  EXPECT_EQ(cache.computed_tokens(), computed);
  swapped[0] = TokenId{swapped[0] == TokenId{1} ? 2 : 1};  // another beginning
  Appended(cache, swapped, {20, 57, 77}, {});
  EXPECT_EQ(cache.computed_tokens(), computed + 57);
}

TEST_F(EvidenceCacheTest, GenerationsAreTheSameWithAnySessionAndLeaveNoTrace) {
  ThreadPool pool(2);
  GenerateOptions options;
  options.max_tokens = 20;
  const std::vector<TokenId> plain = Generate(*decoder_, prompt_, options, &pool).tokens;
  GenerateOptions reusing = options;
  EvidenceCache evidence(kPlenty);
  PrefixCache prefixes({});
  reusing.blocks = {30, 51, 80};
  reusing.evidence = &evidence;
  const std::vector<TokenId> apart = Generate(*decoder_, prompt_, reusing, &pool).tokens;
  PromptCache session;
  reusing.cache = options.cache = &session;
  reusing.prefixes = &prefixes;
  reusing.fixed_tokens = 200;
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(Generate(*decoder_, prompt_, reusing, &pool).tokens, apart);
    EXPECT_EQ(session.tokens.size(), 30u);
    EXPECT_EQ(decoder_->SaveCache(session.keys_values, 30), Whole(prompt_, 30));
    EXPECT_EQ(Generate(*decoder_, prompt_, options, &pool).tokens, plain);
    EXPECT_EQ(decoder_->SaveCache(session.keys_values, 100), Whole(prompt_, 100));
  }
}

TEST_F(EvidenceCacheTest, BadOptionsAreNamed) {
  EXPECT_ERROR((EvidenceReuse{.temperature = 0}.validate()), ErrorCode::kInvalidArgument,
               "temperature");
  EXPECT_ERROR((EvidenceReuse{.recomputed = -1}.validate()), ErrorCode::kInvalidArgument,
               "recomputed");
}

}  // namespace
}  // namespace fovea
