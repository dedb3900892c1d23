#include "lib/nn/decoder_config.h"

#include <cstdint>
#include <cstring>
#include <limits>
#include <utility>

#include "lib/base/error.h"

namespace fovea {
namespace {

constexpr std::int64_t kMaxSize =
    1 << 24;  // Of any dimension; the tensors' shapes are checked against the file afterwards.

[[noreturn]] void Fail(const GgufFile& file, ErrorCode code, const std::string& what) {
  throw Error(code, file.file().path().string() + ": " + what);
}

int Size(const GgufFile& file, const std::string& key, std::int64_t value) {
  if (value < 1 || value > kMaxSize) {
    Fail(file, ErrorCode::kCorrupt, "key \"" + key + "\" is " + std::to_string(value));
  }
  return static_cast<int>(value);
}

int Size(const GgufFile& file, const std::string& key) {
  return Size(file, key, file.Integer(key));
}

// "llama.block_count" for ".block_count".
std::string Key(const DecoderConfig& config, const std::string& name) {
  return config.architecture + "." + name;
}

// What would change the arithmetic and is not handled.
void RefuseVariants(const GgufFile& file, const DecoderConfig& config) {
  if (file.IntegerOr(Key(config, "expert_count"), 0) != 0) {
    Fail(file, ErrorCode::kUnsupported,
         "mixtures of experts (" + Key(config, "expert_count") + ") are not supported");
  }
  const std::int64_t window = file.IntegerOr(Key(config, "attention.sliding_window"), 0);
  if (window != 0 && window < config.context) {
    Fail(file, ErrorCode::kUnsupported, "sliding-window attention is not supported");
  }
}

TokenId Special(const GgufFile& file, const std::string& key, int vocabulary) {
  const std::int64_t id = file.IntegerOr(key, -1);
  if (id < -1 || id >= vocabulary) {
    Fail(file, ErrorCode::kCorrupt,
         "key \"" + key + "\" is outside the vocabulary: " + std::to_string(id));
  }
  return TokenId{static_cast<std::int32_t>(id)};
}

void ReadHeads(const GgufFile& file, DecoderConfig& config) {
  config.heads = Size(file, Key(config, "attention.head_count"));
  const std::string kv_key = Key(config, "attention.head_count_kv");
  config.kv_heads = Size(file, kv_key, file.IntegerOr(kv_key, config.heads));
  if (config.heads % config.kv_heads != 0) {
    Fail(file, ErrorCode::kCorrupt, "head_count is not a multiple of head_count_kv");
  }
  const std::string key = Key(config, "attention.key_length");
  config.head_width = Size(file, key, file.IntegerOr(key, config.width / config.heads));
  if (file.IntegerOr(Key(config, "attention.value_length"), config.head_width) !=
      config.head_width) {
    Fail(file, ErrorCode::kUnsupported, "keys and values of different length are not supported");
  }
  if (file.metadata().count(key) == 0 && config.width % config.heads != 0) {
    Fail(file, ErrorCode::kCorrupt, "embedding_length is not a multiple of head_count");
  }
}

RopeScaling ReadScaling(const GgufFile& file, const DecoderConfig& config) {
  // As llama.cpp reads it: a factor without a type is linear.
  const std::string scaling = file.StringOr(Key(config, "rope.scaling.type"), "linear");
  if (scaling == "none") return RopeScaling::kNone;
  if (scaling == "linear") return RopeScaling::kLinear;
  if (scaling == "yarn") return RopeScaling::kYarn;
  Fail(file, ErrorCode::kUnsupported,
       "rope scaling \"" + scaling + "\" is not supported; none, linear and yarn are");
}

// rope_freqs.weight [Dr/2], which converters write for Llama 3.1 and later.
std::vector<float> ReadFrequencyFactors(const GgufFile& file, const DecoderConfig& config) {
  const auto found = file.tensors().find("rope_freqs.weight");
  if (found == file.tensors().end()) return {};
  const auto pairs = static_cast<std::size_t>(config.rope.rotated_width) / 2;
  if (found->second.type != 0 || found->second.shape != std::vector<std::size_t>{pairs}) {
    Fail(file, ErrorCode::kCorrupt,
         "tensor \"rope_freqs.weight\" is not made of " + std::to_string(pairs) + " F32 numbers");
  }
  std::vector<float> factors(pairs);
  std::memcpy(factors.data(), found->second.data.data(), pairs * sizeof(float));
  return factors;
}

void ReadRope(const GgufFile& file, DecoderConfig& config) {
  const auto number = [&](const std::string& name, double fallback) {
    return file.NumberOr(Key(config, "rope." + name), fallback);
  };
  RopeOptions& rope = config.rope;
  const std::string width_key = Key(config, "rope.dimension_count");
  rope.rotated_width = Size(file, width_key, file.IntegerOr(width_key, config.head_width));
  if (rope.rotated_width > config.head_width || rope.rotated_width % 2 != 0) {
    Fail(file, ErrorCode::kCorrupt, "rope.dimension_count is odd or larger than a head");
  }
  // Converters reorder the rows of Llama's queries and keys to interleaved pairs, not Qwen2's.
  rope.pairing = config.architecture == "qwen2" ? RopePairing::kHalves : RopePairing::kInterleaved;
  rope.base = number("freq_base", 10000.0);
  rope.scaling = ReadScaling(file, config);
  const double factor = number("scaling.factor", 0);
  rope.factor = factor != 0 ? factor : number("scale_linear", 1.0);
  rope.attention_factor = number("scaling.attn_factor", 1.0);
  const std::string original_key = Key(config, "rope.scaling.original_context_length");
  rope.original_context = Size(file, original_key, file.IntegerOr(original_key, config.context));
  // rope.scaling.yarn_*, if a converter wrote them, are not looked at: llama.cpp does so for other
  // architectures alone.
  rope.frequency_factors = ReadFrequencyFactors(file, config);
  try {
    rope.validate();
  } catch (const Error& error) {
    Fail(file, ErrorCode::kCorrupt, error.what());
  }
}

}  // namespace

DecoderConfig ReadDecoderConfig(const GgufFile& file) {
  DecoderConfig config;
  config.architecture = file.String("general.architecture");
  if (config.architecture != "llama" && config.architecture != "qwen2") {
    Fail(file, ErrorCode::kUnsupported,
         "architecture \"" + config.architecture +
             "\" is not supported, \"llama\" and \"qwen2\" are");
  }
  config.layers = Size(file, Key(config, "block_count"));
  config.width = Size(file, Key(config, "embedding_length"));
  config.feed_forward = Size(file, Key(config, "feed_forward_length"));
  config.context = Size(file, Key(config, "context_length"));
  config.vocabulary = Size(file, "tokenizer.ggml.tokens",
                           static_cast<std::int64_t>(file.Strings("tokenizer.ggml.tokens").size()));
  RefuseVariants(file, config);
  ReadHeads(file, config);
  ReadRope(file, config);
  config.epsilon = static_cast<float>(file.Number(Key(config, "attention.layer_norm_rms_epsilon")));
  if (!(config.epsilon >= 0.0f && config.epsilon < 1.0f)) {
    Fail(file, ErrorCode::kCorrupt, "layer_norm_rms_epsilon is out of range");
  }
  config.chat_template = file.StringOr("tokenizer.chat_template", "");
  config.bos = Special(file, "tokenizer.ggml.bos_token_id", config.vocabulary);
  config.eos = Special(file, "tokenizer.ggml.eos_token_id", config.vocabulary);
  return config;
}

BpeModel ReadBpeModel(const GgufFile& file) {
  const std::string kind = file.String("tokenizer.ggml.model");
  if (kind != "gpt2") {
    Fail(file, ErrorCode::kUnsupported,
         "tokenizer \"" + kind + "\" is not supported; byte-level BPE (\"gpt2\") is");
  }
  BpeModel model;
  model.tokens = file.Strings("tokenizer.ggml.tokens");
  model.merges = file.Strings("tokenizer.ggml.merges");
  for (const std::int64_t type : file.IntegersOrEmpty("tokenizer.ggml.token_type")) {
    if (type < 0 || type > std::numeric_limits<int>::max()) {
      Fail(file, ErrorCode::kCorrupt, "tokenizer.ggml.token_type holds " + std::to_string(type));
    }
    model.token_types.push_back(static_cast<int>(type));
  }
  model.pre = file.StringOr("tokenizer.ggml.pre", "default");
  return model;
}

}  // namespace fovea
