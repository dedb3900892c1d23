#include "lib/nn/decoder_config.h"

#include <cmath>
#include <cstdint>
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

// The rotary tables hold as many numbers as context × rotated width: at most 128 MiB.
void CheckContext(const GgufFile& file, const DecoderConfig& config) {
  constexpr std::int64_t kMaxRotaryNumbers = std::int64_t{1} << 25;
  if (std::int64_t{config.context} * config.rope_width > kMaxRotaryNumbers) {
    Fail(file, ErrorCode::kUnsupported,
         "context_length " + std::to_string(config.context) + " is too long");
  }
}

// What would change the arithmetic and is not handled.
void RefuseVariants(const GgufFile& file) {
  const std::string scaling = file.StringOr("llama.rope.scaling.type", "none");
  if (scaling != "none")
    Fail(file, ErrorCode::kUnsupported, "rope scaling \"" + scaling + "\" is not supported");
  if (file.NumberOr("llama.rope.scale_linear", 1.0) != 1.0) {
    Fail(file, ErrorCode::kUnsupported,
         "linear rope scaling (llama.rope.scale_linear) is not supported");
  }
  if (file.IntegerOr("llama.expert_count", 0) != 0) {
    Fail(file, ErrorCode::kUnsupported,
         "mixtures of experts (llama.expert_count) are not supported");
  }
  if (file.tensors().count("rope_freqs.weight") != 0) {
    Fail(file, ErrorCode::kUnsupported,
         "rope frequency factors (rope_freqs.weight, Llama 3.1 and later) are not supported");
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
  config.heads = Size(file, "llama.attention.head_count");
  const std::string kv_key = "llama.attention.head_count_kv";
  config.kv_heads = Size(file, kv_key, file.IntegerOr(kv_key, config.heads));
  if (config.heads % config.kv_heads != 0) {
    Fail(file, ErrorCode::kCorrupt, "head_count is not a multiple of head_count_kv");
  }
  const std::string key = "llama.attention.key_length";
  config.head_width = Size(file, key, file.IntegerOr(key, config.width / config.heads));
  if (file.IntegerOr("llama.attention.value_length", config.head_width) != config.head_width) {
    Fail(file, ErrorCode::kUnsupported, "keys and values of different length are not supported");
  }
  if (file.metadata().count(key) == 0 && config.width % config.heads != 0) {
    Fail(file, ErrorCode::kCorrupt, "embedding_length is not a multiple of head_count");
  }
  config.rope_width = Size(file, "llama.rope.dimension_count",
                           file.IntegerOr("llama.rope.dimension_count", config.head_width));
  if (config.rope_width > config.head_width || config.rope_width % 2 != 0) {
    Fail(file, ErrorCode::kCorrupt, "rope.dimension_count is odd or larger than a head");
  }
}

}  // namespace

DecoderConfig ReadDecoderConfig(const GgufFile& file) {
  const std::string architecture = file.String("general.architecture");
  if (architecture != "llama") {
    Fail(file, ErrorCode::kUnsupported,
         "architecture \"" + architecture + "\" is not supported, \"llama\" is");
  }
  RefuseVariants(file);
  DecoderConfig config;
  config.layers = Size(file, "llama.block_count");
  config.width = Size(file, "llama.embedding_length");
  config.feed_forward = Size(file, "llama.feed_forward_length");
  config.context = Size(file, "llama.context_length");
  config.vocabulary = Size(file, "tokenizer.ggml.tokens",
                           static_cast<std::int64_t>(file.Strings("tokenizer.ggml.tokens").size()));
  ReadHeads(file, config);
  CheckContext(file, config);
  config.epsilon = static_cast<float>(file.Number("llama.attention.layer_norm_rms_epsilon"));
  config.rope_base = static_cast<float>(file.NumberOr("llama.rope.freq_base", 10000.0));
  if (!(config.epsilon >= 0.0f && config.epsilon < 1.0f) || !(config.rope_base > 1.0f) ||
      std::isinf(config.rope_base)) {
    Fail(file, ErrorCode::kCorrupt, "layer_norm_rms_epsilon or rope.freq_base is out of range");
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
