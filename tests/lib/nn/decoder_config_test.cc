#include "lib/nn/decoder_config.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "lib/base/hash.h"
#include "lib/nn/decoder.h"
#include "tests/support/expect_error.h"
#include "tests/support/models.h"
#include "tests/support/temp_folder.h"
#include "tests/support/tiny_models.h"

namespace fovea {
namespace {

class DecoderFile : public ::testing::Test {
 protected:
  std::unique_ptr<Decoder> Load(const std::string& bytes) {
    return Decoder::Load(folder_.Write("model.gguf", bytes));
  }

  void ExpectRefused(const std::string& bytes, ErrorCode code, const std::string& message) {
    SCOPED_TRACE(message);
    EXPECT_ERROR(Load(bytes), code, message);
    EXPECT_ERROR(Load(bytes), code, "model.gguf");
  }
  // The tiny model with something added.
  void ExpectRefusedWith(const std::function<void(GgufWriter&)>& add, ErrorCode code,
                         const std::string& message) {
    TinyLlama model;
    add(model.writer);
    ExpectRefused(model.writer.Bytes(), code, message);
  }
  // The tiny model with the bytes `from` (which occur once or first) replaced by as many.
  void ExpectRefusedAfter(const std::string& from, const std::string& to, ErrorCode code,
                          const std::string& message) {
    std::string bytes = TinyLlama().writer.Bytes();
    const std::size_t at = bytes.find(from);
    ASSERT_NE(at, std::string::npos);
    ASSERT_EQ(from.size(), to.size());
    bytes.replace(at, from.size(), to);
    ExpectRefused(bytes, code, message);
  }

  TempFolder folder_;
};

std::string Pair(const std::string& key, std::uint32_t value) {
  return key + RawBytes(std::uint32_t{4}) + RawBytes(value);
}

TEST_F(DecoderFile, DefaultModelIsReadAsItsFileSays) {
  const DecoderConfig& config = TestDecoder().config();
  EXPECT_EQ(config.layers, 30);
  EXPECT_EQ(config.width, 576);
  EXPECT_EQ(config.heads, 9);
  EXPECT_EQ(config.kv_heads, 3);
  EXPECT_EQ(config.head_width, 64);
  EXPECT_EQ(config.feed_forward, 1536);
  EXPECT_EQ(config.vocabulary, 49152);
  EXPECT_EQ(config.context, 8192);
  EXPECT_EQ(config.rope.rotated_width, 64);
  EXPECT_EQ(config.rope.base, 100000.0);
  EXPECT_EQ(config.epsilon, 1e-5f);
  EXPECT_EQ(config.bos, TokenId{1});
  EXPECT_EQ(config.eos, TokenId{2});
  EXPECT_THAT(config.chat_template, ::testing::HasSubstr("<|im_start|>"));
  EXPECT_EQ(TestDecoder().name(), "SmolLM2-135M-Instruct.Q4_1.gguf");
  EXPECT_EQ(TestDecoder().tokenizer().ControlToken("<|im_end|>"), TokenId{2});
}

TEST_F(DecoderFile, DefaultsStandWhereTheFileSaysNothing) {
  const auto decoder = Load(TinyLlama().writer.Bytes());
  EXPECT_EQ(decoder->config().head_width, 16);
  EXPECT_EQ(decoder->config().rope.rotated_width, 8);
  EXPECT_EQ(decoder->config().rope.base, 10000.0);
  EXPECT_EQ(decoder->config().bos, TokenId{-1});
  EXPECT_EQ(decoder->config().eos, TokenId{256});
  EXPECT_EQ(decoder->config().chat_template, "{{ messages }}");
  EXPECT_EQ(decoder->name(), "model.gguf");
}

TEST_F(DecoderFile, RefusesOtherArchitecturesAndVariantsByName) {
  GgufWriter other;
  other.AddString("general.architecture", "gemma3");
  ExpectRefused(other.Bytes(), ErrorCode::kUnsupported, "\"gemma3\"");
  const auto with = [&](const std::function<void(GgufWriter&)>& add, const std::string& message) {
    ExpectRefusedWith(add, ErrorCode::kUnsupported, message);
  };
  with([](GgufWriter& w) { w.AddString("llama.rope.scaling.type", "longrope"); }, "\"longrope\"");
  with([](GgufWriter& w) { w.AddInteger("llama.attention.sliding_window", 64); }, "window");
  with([](GgufWriter& w) { w.AddInteger("llama.expert_count", 8); }, "experts");
  with([](GgufWriter& w) { w.AddInteger("llama.attention.value_length", 8); }, "different length");
  with([](GgufWriter& w) { w.AddTensor("blk.0.attn_q_norm.weight", 0, {16}, std::string(64, 0)); },
       "attn_q_norm.weight");
  ExpectRefusedAfter("gpt2", "bert", ErrorCode::kUnsupported, "tokenizer \"bert\"");
  ExpectRefusedAfter("smollm", "nollm!", ErrorCode::kUnsupported, "nollm!");
}

TEST_F(DecoderFile, RefusesOtherWeightTypesByName) {
  TinyLlama model;
  GgufWriter& writer = model.writer;
  writer.AddTensor("output.weight", 14, {256, 257}, std::string(210 * 257, '\0'));
  ExpectRefused(writer.Bytes(), ErrorCode::kCorrupt, "\"output.weight\" has not the shape");
  TinyLlama brain;
  brain.writer.AddTensor("output.weight", 30, {64, 257}, std::string(2 * 64 * 257, '\0'));
  ExpectRefused(brain.writer.Bytes(), ErrorCode::kUnsupported, "BF16");
}

TEST_F(DecoderFile, RefusesValuesThatDoNotFit) {
  EXPECT_ERROR(Decoder::Load(folder_.path() / "none.gguf"), ErrorCode::kNotFound, "none.gguf");
  const auto changed = [&](const std::string& key, std::uint32_t from, std::uint32_t to,
                           const std::string& message) {
    ExpectRefusedAfter(Pair(key, from), Pair(key, to), ErrorCode::kCorrupt, message);
  };
  changed("llama.block_count", 2, 0, "llama.block_count");
  changed("llama.block_count", 2, 3, "blk.2.attn_norm.weight\" is missing");
  changed("llama.block_count", 2, 0xFFFFFFFF, "llama.block_count");
  changed("llama.embedding_length", 64, 96, "token_embd.weight");
  changed("llama.feed_forward_length", 96, 97, "ffn_gate.weight");
  changed("llama.attention.head_count", 4, 3, "not a multiple");
  changed("llama.attention.head_count", 4, 8, "");
  changed("llama.rope.dimension_count", 8, 7, "rope.dimension_count");
  changed("llama.rope.dimension_count", 8, 18, "rope.dimension_count");
  changed("tokenizer.ggml.eos_token_id", 256, 257, "eos_token_id");
  const auto with = [&](const std::function<void(GgufWriter&)>& add, const std::string& message) {
    ExpectRefusedWith(add, ErrorCode::kCorrupt, message);
  };
  with([](GgufWriter& w) { w.AddFloat("llama.rope.scaling.factor", -2); }, "scaling factor");
  with([](GgufWriter& w) { w.AddFloat("llama.rope.freq_base", 0); }, "base");
  with([](GgufWriter& w) { w.AddTensor("rope_freqs.weight", 0, {3}, std::string(12, 'x')); },
       "rope_freqs.weight");
  with([](GgufWriter& w) { w.AddTensor("rope_freqs.weight", 0, {4}, std::string(16, 0)); },
       "frequency factor");
  with([](GgufWriter& w) { w.AddTensor("blk.0.attn_q.bias", 0, {63}, std::string(252, 0)); },
       "attn_q.bias");
  const std::string key = "llama.attention.layer_norm_rms_epsilon" + RawBytes(std::uint32_t{6});
  ExpectRefusedAfter(key + RawBytes(1e-5f), key + RawBytes(-1.0f), ErrorCode::kCorrupt, "epsilon");
  const float nan = std::numeric_limits<float>::quiet_NaN();
  ExpectRefusedAfter(key + RawBytes(1e-5f), key + RawBytes(nan), ErrorCode::kCorrupt, "epsilon");
}

TEST_F(DecoderFile, ContextOfAnyLengthCostsNothingToLoad) {
  std::string bytes = TinyLlama().writer.Bytes();
  const std::string from = Pair("llama.context_length", 320);
  bytes.replace(bytes.find(from), from.size(), Pair("llama.context_length", 1 << 24));
  EXPECT_EQ(Load(bytes)->config().context, 1 << 24);
}

TEST_F(DecoderFile, FingerprintIsTheContentsAndTheChecksumBesideIsHeeded) {
  const std::string bytes = TinyLlama().writer.Bytes();
  EXPECT_EQ(Load(bytes)->fingerprint(), ContentHash(bytes));
  folder_.Write("model.gguf.xxh128", ContentHash(bytes) + "  model.gguf\n");
  EXPECT_NO_THROW(Load(bytes));
  std::string damaged = bytes;
  damaged.back() ^= 1;
  EXPECT_ERROR(Load(damaged), ErrorCode::kCorrupt, "does not match its checksum");
}

}  // namespace
}  // namespace fovea
