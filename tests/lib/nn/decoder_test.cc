#include "lib/nn/decoder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "lib/base/thread_pool.h"
#include "lib/kernels/isa.h"
#include "tests/lib/text/golden_texts.h"
#include "tests/reference/transformer.h"
#include "tests/reference/weights.h"
#include "tests/support/expect_error.h"
#include "tests/support/models.h"
#include "tests/support/temp_folder.h"
#include "tests/support/tiny_models.h"

namespace fovea {
namespace {

std::unique_ptr<Decoder> LoadTiny(const TempFolder& folder, const TinyLlama& model,
                                  DecoderPrecision precision = DecoderPrecision::kFast) {
  return Decoder::Load(folder.Write("tiny.gguf", model.writer.Bytes()), {.precision = precision});
}

std::vector<TokenId> RandomIds(std::size_t count, int vocabulary, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<TokenId> ids(count);
  for (TokenId& id : ids)
    id = TokenId{static_cast<std::int32_t>(random() % static_cast<unsigned>(vocabulary))};
  return ids;
}

std::vector<float> Row(const Matrix& matrix, std::size_t row) {
  return {matrix.row(row).begin(), matrix.row(row).end()};
}

std::vector<double> Doubles(const std::vector<float>& floats) {
  return {floats.begin(), floats.end()};
}

void ExpectLogitsOfTheFormula(const TinyLlamaOptions& options) {
  const TempFolder folder;
  const TinyLlama model(options);
  const std::vector<TokenId> ids = RandomIds(20, TinyLlama::kVocabulary, 3);
  std::vector<int> ints;
  for (const TokenId id : ids) ints.push_back(Value(id));
  const auto expected = reference::LlamaLogits(model.tensors, model.sizes, ints);
  for (const Isa isa : AvailableIsas()) {
    SCOPED_TRACE(Name(isa));
    const ScopedIsa forced(isa);
    const auto decoder = LoadTiny(folder, model, DecoderPrecision::kF32);
    EXPECT_EQ(decoder->config().architecture, options.architecture);
    KvCache cache;
    const Matrix logits = decoder->ForwardAll(cache, ids, nullptr);
    for (std::size_t t = 0; t < ids.size(); ++t) {
      double error = 0;
      double size = 0;
      for (std::size_t v = 0; v < expected[t].size(); ++v) {
        error = std::max(error, std::abs(logits.row(t)[v] - expected[t][v]));
        size = std::max(size, std::abs(expected[t][v]));
      }
      EXPECT_LT(error, 2e-5 * size) << "token " << t;
    }
  }
}

TEST(Decoder, LogitsFollowTheFormulaForEveryWeightType) {
  for (const WeightType type :
       {WeightType::kF32, WeightType::kF16, WeightType::kQ8_0, WeightType::kQ4_0, WeightType::kQ4_1,
        WeightType::kQ5_0, WeightType::kQ5_1}) {
    for (const bool tied : {true, false}) {
      SCOPED_TRACE(std::to_string(static_cast<int>(type)) + (tied ? " tied" : " untied"));
      ExpectLogitsOfTheFormula({.type = type, .tied = tied, .seed = 2});
    }
  }
}

TEST(Decoder, Qwen2HasBiasesAndPairsOfHalves) {
  ExpectLogitsOfTheFormula({.tied = false, .architecture = "qwen2"});
}

TEST(Decoder, QueriesKeysAndValuesMayBeOfDifferentTypes) {
  ExpectLogitsOfTheFormula(
      {.type = WeightType::kQ4_1, .architecture = "qwen2", .key_type = WeightType::kQ8_0});
}

// 64 signs of splitmix64, as make_logit_goldens.py has them.
std::uint64_t Signs(std::uint64_t v) {
  std::uint64_t z = (v + 1) * 0x9E3779B97F4A7C15;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
  z = (z ^ z >> 27) * 0x94D049BB133111EB;
  return z ^ z >> 31;
}

std::vector<double> Project(std::span<const float> logits) {
  std::vector<double> projection(64);
  for (std::size_t v = 0; v < logits.size(); ++v) {
    const std::uint64_t signs = Signs(v);
    const double values[2] = {-static_cast<double>(logits[v]), logits[v]};
    for (std::size_t j = 0; j < 64; ++j) projection[j] += values[signs >> j & 1];
  }
  return projection;
}

// At each of 221 positions: the same top token, and logits that differ by so little in 64 random
// directions that their cosine is above 0.999 (‖difference‖ / ‖logits‖ <= 0.02 gives 0.9998); at 12
// positions the cosine over the whole vocabulary itself.
TEST(Decoder, LogitsOfTheDefaultModelAreThoseOfNumPy) {
  const std::unique_ptr<Decoder> exact =
      Decoder::Load(TestGeneratorFile(), {.precision = DecoderPrecision::kF32});
  const Decoder& decoder = *exact;
  const auto vocabulary = static_cast<std::size_t>(decoder.config().vocabulary);
  const std::vector<float> projections = ReadGoldenNumbers<float>("logit_projections.f32");
  const std::vector<std::uint16_t> kept = ReadGoldenNumbers<std::uint16_t>("logits.f16");
  ThreadPool pool;
  std::size_t position = 0;
  std::size_t kept_row = 0;
  for (const nlohmann::json& prompt : ReadGolden("logits.json")) {
    SCOPED_TRACE(prompt.at("name").get<std::string>());
    std::vector<TokenId> ids;
    for (const int id : prompt.at("ids")) ids.push_back(TokenId{id});
    KvCache cache;
    const Matrix logits = decoder.ForwardAll(cache, ids, &pool);
    for (std::size_t t = 0; t < ids.size(); ++t, ++position) {
      const std::vector<float> row = Row(logits, t);
      EXPECT_EQ(std::max_element(row.begin(), row.end()) - row.begin(),
                prompt.at("top")[t].get<int>())
          << t;
      const std::vector<double> projection = Project(row);
      double difference = 0;
      double size = 0;
      ASSERT_LE(64 * (position + 1), projections.size());
      for (std::size_t j = 0; j < 64; ++j) {
        const double golden = projections[64 * position + j];
        difference += (projection[j] - golden) * (projection[j] - golden);
        size += golden * golden;
      }
      EXPECT_LE(std::sqrt(difference / size), 0.02) << t;
    }
    for (const std::size_t t : prompt.at("kept")) {
      ASSERT_LE(vocabulary * (kept_row + 1), kept.size());
      std::vector<double> golden(vocabulary);
      for (std::size_t v = 0; v < vocabulary; ++v)
        golden[v] = reference::HalfValue(kept[vocabulary * kept_row + v]);
      EXPECT_GE(reference::Cosine(Doubles(Row(logits, t)), golden), 0.9999) << t;
      ++kept_row;
    }
  }
  EXPECT_GE(position, 200u);
  EXPECT_EQ(64 * position, projections.size());
  EXPECT_EQ(vocabulary * kept_row, kept.size());
}

// Σ p log(p / q) of softmax(exact) and softmax(fast), in nat.
double Divergence(const std::vector<float>& exact, const std::vector<float>& fast) {
  const auto log_of_sum = [](const std::vector<float>& logits) {
    double sum = 0;
    for (const float logit : logits) sum += std::exp(static_cast<double>(logit));
    return std::log(sum);
  };
  const double exact_sum = log_of_sum(exact);
  const double fast_sum = log_of_sum(fast);
  double divergence = 0;
  for (std::size_t v = 0; v < exact.size(); ++v) {
    const double log_p = static_cast<double>(exact[v]) - exact_sum;
    divergence += std::exp(log_p) * (log_p - (static_cast<double>(fast[v]) - fast_sum));
  }
  return divergence;
}

TEST(Decoder, FastPrecisionKeepsTheNextTokensDistribution) {
  const std::unique_ptr<Decoder> exact =
      Decoder::Load(TestGeneratorFile(), {.precision = DecoderPrecision::kF32});
  ThreadPool pool;
  double divergence = 0;
  std::size_t positions = 0;
  for (const nlohmann::json& prompt : ReadGolden("logits.json")) {
    std::vector<TokenId> ids;
    for (const int id : prompt.at("ids")) ids.push_back(TokenId{id});
    KvCache exact_cache, fast_cache;
    const Matrix expected = exact->ForwardAll(exact_cache, ids, &pool);
    const Matrix logits = TestDecoder().ForwardAll(fast_cache, ids, &pool);
    for (std::size_t t = 0; t < ids.size(); ++t, ++positions)
      divergence += Divergence(Row(expected, t), Row(logits, t));
  }
  RecordProperty("mean_divergence", std::to_string(divergence / static_cast<double>(positions)));
  EXPECT_LE(divergence / static_cast<double>(positions), 0.01);
}

// The same products over a cache in halves and in f32.
TEST(Decoder, ACacheInHalvesKeepsTheNextTokensDistribution) {
  const std::unique_ptr<Decoder> exact = Decoder::Load(
      TestGeneratorFile(), {.precision = DecoderPrecision::kF32, .cache = KeyValuePrecision::kF32});
  const std::unique_ptr<Decoder> halves = Decoder::Load(
      TestGeneratorFile(), {.precision = DecoderPrecision::kF32, .cache = KeyValuePrecision::kF16});
  ThreadPool pool;
  double divergence = 0;
  std::size_t positions = 0;
  std::size_t same_top = 0;
  for (const nlohmann::json& prompt : ReadGolden("logits.json")) {
    std::vector<TokenId> ids;
    for (const int id : prompt.at("ids")) ids.push_back(TokenId{id});
    KvCache exact_cache, halves_cache;
    const Matrix expected = exact->ForwardAll(exact_cache, ids, &pool);
    const Matrix logits = halves->ForwardAll(halves_cache, ids, &pool);
    for (std::size_t t = 0; t < ids.size(); ++t, ++positions) {
      const std::vector<float> a = Row(expected, t), b = Row(logits, t);
      divergence += Divergence(a, b);
      same_top += std::max_element(a.begin(), a.end()) - a.begin() ==
                  std::max_element(b.begin(), b.end()) - b.begin();
    }
  }
  RecordProperty("mean_divergence", std::to_string(divergence / static_cast<double>(positions)));
  EXPECT_GT(divergence, 0);
  EXPECT_LE(divergence / static_cast<double>(positions), 1e-4);
  EXPECT_GE(static_cast<double>(same_top), 0.98 * static_cast<double>(positions));
}

void ExpectSameInAnyPieces(const Decoder& decoder, const std::vector<TokenId>& ids) {
  KvCache whole;
  const Matrix expected = decoder.ForwardAll(whole, ids, nullptr);
  for (const int threads : {1, 2, 3}) {
    ThreadPool pool(threads);
    KvCache again;
    const Matrix all = decoder.ForwardAll(again, ids, &pool);
    EXPECT_EQ(
        std::memcmp(all.data(), expected.data(), ids.size() * expected.cols() * sizeof(float)), 0)
        << threads;
    KvCache last;
    EXPECT_EQ(decoder.Forward(last, ids, &pool), Row(expected, ids.size() - 1)) << threads;
  }
  ThreadPool pool(2);
  KvCache single;
  for (std::size_t t = 0; t < ids.size(); ++t) {
    ASSERT_EQ(decoder.Forward(single, {&ids[t], 1}, &pool), Row(expected, t))
        << "token " << t << " alone";
  }
  KvCache pieces;
  std::size_t begin = 0;
  for (std::size_t size = 2; begin < ids.size(); begin += size, size = size * 2 + 1) {
    size = std::min(size, ids.size() - begin);
    const std::span<const TokenId> piece = std::span(ids).subspan(begin, size);
    ASSERT_EQ(decoder.Forward(pieces, piece, nullptr), Row(expected, begin + size - 1))
        << "pieces up to " << begin + size;
  }
  EXPECT_EQ(pieces.size(), ids.size());
}

TEST(Decoder, TokenByTokenIsPrefillBitForBitWithAnyThreads) {
  for (const WeightType type : {WeightType::kF32, WeightType::kQ8_0, WeightType::kQ4_1}) {
    for (const Isa isa : AvailableIsas()) {
      SCOPED_TRACE(Name(isa));
      const ScopedIsa forced(isa);
      const TempFolder folder;
      const auto decoder = LoadTiny(folder, TinyLlama({.type = type}));
      ExpectSameInAnyPieces(
          *decoder, RandomIds(300, TinyLlama::kVocabulary, 5));  // More than one prefill block.
    }
  }
  ExpectSameInAnyPieces(TestDecoder(), RandomIds(19, TestDecoder().config().vocabulary, 6));
}

TEST(Decoder, CacheForgetsAndBranchesWithoutATrace) {
  const TempFolder folder;
  const auto decoder = LoadTiny(folder, TinyLlama());
  const std::vector<TokenId> ids = RandomIds(200, TinyLlama::kVocabulary, 7);
  const std::vector<TokenId> other = RandomIds(10, TinyLlama::kVocabulary, 8);
  const auto fresh = [&](std::size_t prefix, const std::vector<TokenId>& then) {
    KvCache cache;
    if (prefix > 0) decoder->Forward(cache, std::span(ids).first(prefix), nullptr);
    return decoder->Forward(cache, then, nullptr);
  };
  KvCache cache;
  decoder->Forward(cache, ids, nullptr);
  KvCache branch = cache.Clone();
  EXPECT_EQ(branch.size(), 200u);
  cache.Truncate(50);
  EXPECT_EQ(cache.size(), 50u);
  EXPECT_EQ(decoder->Forward(cache, other, nullptr), fresh(50, other));
  EXPECT_EQ(decoder->Forward(branch, other, nullptr), fresh(200, other));
  EXPECT_EQ(branch.size(), 210u);
  EXPECT_EQ(cache.size(), 60u);

  KvCache moved = std::move(branch);
  moved.Truncate(0);
  EXPECT_EQ(decoder->Forward(moved, other, nullptr), fresh(0, other));
  EXPECT_ERROR(moved.Truncate(11), ErrorCode::kInvalidArgument, "cannot be cut to 11");
  KvCache empty;
  EXPECT_EQ(empty.Clone().size(), 0u);
  KvCache from_empty = empty.Clone();
  EXPECT_EQ(decoder->Forward(from_empty, other, nullptr), fresh(0, other));
}

TEST(Decoder, RefusesTokensItCannotTakeAndKeepsTheCache) {
  const TempFolder folder;
  const auto decoder = LoadTiny(folder, TinyLlama());
  KvCache cache;
  const std::vector<TokenId> ids = RandomIds(TinyLlama::kContext, TinyLlama::kVocabulary, 9);
  decoder->Forward(cache, std::span(ids).first(TinyLlama::kContext - 1), nullptr);
  const auto forward = [&](std::vector<TokenId> tokens) {
    decoder->Forward(cache, tokens, nullptr);
  };
  EXPECT_ERROR(forward({}), ErrorCode::kInvalidArgument, "no token");
  EXPECT_ERROR(forward({ids[0], ids[1]}), ErrorCode::kInvalidArgument,
               "319 + 2 tokens exceed the context of 320");
  EXPECT_ERROR(forward({TokenId{257}}), ErrorCode::kInvalidArgument, "token id 257");
  EXPECT_ERROR(forward({TokenId{-1}}), ErrorCode::kInvalidArgument, "token id -1");
  EXPECT_ERROR(decoder->ForwardAll(cache, std::vector<TokenId>(2), nullptr),
               ErrorCode::kInvalidArgument, "context");
  EXPECT_EQ(cache.size(), 319u);
  EXPECT_NO_THROW(forward({ids[0]}));
  EXPECT_ERROR(forward({ids[0]}), ErrorCode::kInvalidArgument, "320 + 1");
  EXPECT_ERROR(TestDecoder().Forward(cache, ids, nullptr), ErrorCode::kInvalidArgument,
               "another model");
}

TEST(Decoder, ThreadsShareOneDecoder) {
  const TempFolder folder;
  const auto decoder = LoadTiny(folder, TinyLlama({.type = WeightType::kQ4_1}));
  const std::vector<TokenId> ids = RandomIds(150, TinyLlama::kVocabulary, 10);
  KvCache cache;
  const std::vector<float> expected = decoder->Forward(cache, ids, nullptr);
  ThreadPool pool(2);
  std::vector<std::thread> threads;
  std::vector<int> right(3, 0);
  for (std::size_t t = 0; t < right.size(); ++t) {
    threads.emplace_back([&, t] {
      for (int round = 0; round < 10; ++round) {
        KvCache own;
        if (decoder->Forward(own, ids, t == 0 ? nullptr : &pool) == expected) ++right[t];
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, std::vector<int>(3, 10));
}

}  // namespace
}  // namespace fovea
