#include "tests/support/tiny_models.h"

#include <bit>
#include <fstream>
#include <random>
#include <vector>

#include "tests/reference/weights.h"

namespace fovea {
namespace {

void WriteFile(const std::filesystem::path& path, const std::string& bytes) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream file(path, std::ios::binary);
  file << bytes;
}

// Random numbers of standard deviation about `scale` around `centre`.
reference::Weights RandomDense(const std::string& dtype, std::size_t count, float centre,
                               float scale, std::mt19937& random) {
  reference::Weights weights;
  for (float value : reference::RandomFloats(count, random)) {
    value = centre + scale * value;
    std::string bytes = RawBytes(value);
    if (dtype == "BF16") {
      const auto bits = static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(value) >> 16);
      value = std::bit_cast<float>(std::uint32_t{bits} << 16);
      bytes = RawBytes(bits);
    } else if (dtype == "F16") {
      const auto bits =
          static_cast<std::uint16_t>((value < 0 ? 0x8000u : 0u) | 0x3000u | (random() & 0xFFFu));
      value = static_cast<float>(reference::HalfValue(bits));
      bytes = RawBytes(bits);
    }
    for (const char byte : bytes) weights.bytes.push_back(static_cast<std::byte>(byte));
    weights.values.push_back(value);
  }
  return weights;
}

std::string AsString(const std::vector<std::byte>& bytes) {
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

// The byte-level alphabet of GPT-2: printable Latin-1 stands for itself, other bytes for U+0100 on.
std::vector<std::string> ByteTokens() {
  std::vector<std::string> tokens;
  int shifted = 256;
  for (int byte = 0; byte < 256; ++byte) {
    const bool printable =
        (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    const int code = printable ? byte : shifted++;
    std::string token;
    if (code < 128) {
      token = {static_cast<char>(code)};
    } else {
      token = {static_cast<char>(0xC0 | code >> 6), static_cast<char>(0x80 | (code & 63))};
    }
    tokens.push_back(token);
  }
  return tokens;
}

}  // namespace

TinyBert::TinyBert(const TinyBertOptions& chosen) : options(chosen), sizes{2, 24, 3, 40, 1e-12} {
  std::mt19937 random(options.seed);
  SafetensorsWriter writer;
  const auto add = [&](const std::string& name, const std::vector<std::size_t>& shape, float centre,
                       float scale) {
    std::size_t count = 1;
    for (const std::size_t size : shape) count *= size;
    const reference::Weights weights = RandomDense(options.dtype, count, centre, scale, random);
    writer.Add(options.prefix + name, options.dtype, shape, AsString(weights.bytes));
    tensors[name] = weights.values;
  };
  const auto add_norm = [&](const std::string& name) {
    add(name + ".weight", {sizes.width}, 1.0f, 0.3f);
    add(name + ".bias", {sizes.width}, 0.0f, 0.3f);
  };
  const auto add_linear = [&](const std::string& name, std::size_t outputs, std::size_t inputs) {
    add(name + ".weight", {outputs, inputs}, 0.0f, 0.4f);
    add(name + ".bias", {outputs}, 0.0f, 0.2f);
  };
  add("embeddings.word_embeddings.weight", {kVocabulary, sizes.width}, 0.0f, 1.0f);
  add("embeddings.position_embeddings.weight", {kPositions, sizes.width}, 0.0f, 0.5f);
  add("embeddings.token_type_embeddings.weight", {2, sizes.width}, 0.0f, 0.5f);
  add_norm("embeddings.LayerNorm");
  for (std::size_t layer = 0; layer < sizes.layers; ++layer) {
    const std::string at = "encoder.layer." + std::to_string(layer) + ".";
    for (const char* part : {"query", "key", "value"})
      add_linear(at + "attention.self." + part, sizes.width, sizes.width);
    add_linear(at + "attention.output.dense", sizes.width, sizes.width);
    add_norm(at + "attention.output.LayerNorm");
    add_linear(at + "intermediate.dense", sizes.feed_forward, sizes.width);
    add_linear(at + "output.dense", sizes.width, sizes.feed_forward);
    add_norm(at + "output.LayerNorm");
  }
  safetensors = writer.Bytes();
}

void TinyBert::Write(const std::filesystem::path& folder) const {
  WriteFile(
      folder / "config.json",
      R"({"model_type": "bert", "hidden_act": "gelu", "hidden_size": 24, "num_hidden_layers": 2,
                "num_attention_heads": 3, "intermediate_size": 40, "vocab_size": 12, "max_position_embeddings": 16,
                "layer_norm_eps": 1e-12, "type_vocab_size": 2})");
  WriteFile(folder / "modules.json",
            R"([{"idx": 0, "path": "", "type": "sentence_transformers.models.Transformer"},
                {"idx": 1, "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
                {"idx": 2, "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}])");
  WriteFile(folder / "1_Pooling" / "config.json",
            std::string(R"({"word_embedding_dimension": 24, "pooling_mode_cls_token": )") +
                (options.cls_pooling ? "true, \"pooling_mode_mean_tokens\": false}"
                                     : "false, \"pooling_mode_mean_tokens\": true}"));
  WriteFile(folder / "vocab.txt",
            "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\nc\n##a\n##b\n##c\nd\n");
  WriteFile(folder / "tokenizer_config.json", R"({"do_lower_case": true})");
  WriteFile(folder / "model.safetensors", safetensors);
}

std::uint32_t GgufType(WeightType type) {
  switch (type) {
    case WeightType::kF32:
      return 0;
    case WeightType::kF16:
      return 1;
    case WeightType::kQ4_0:
      return 2;
    case WeightType::kQ4_1:
      return 3;
    case WeightType::kQ5_0:
      return 6;
    case WeightType::kQ5_1:
      return 7;
    case WeightType::kQ8_0:
      return 8;
    case WeightType::kQ4_K:
      return 12;
    case WeightType::kQ5_K:
      return 13;
    case WeightType::kQ6_K:
      return 14;
  }
  return 0;
}

TinyLlama::TinyLlama(const TinyLlamaOptions& options) : sizes{2, 64, 4, 2, 16, 8, 10000, 1e-5} {
  constexpr std::size_t kFeedForward = 96;
  const std::string prefix = options.architecture + ".";
  const bool qwen2 = options.architecture == "qwen2";
  sizes.halves = qwen2;
  std::mt19937 random(options.seed);
  writer.AddString("general.architecture", options.architecture);
  writer.AddInteger(prefix + "block_count", 2);
  writer.AddInteger(prefix + "context_length", kContext);
  writer.AddInteger(prefix + "embedding_length", 64);
  writer.AddInteger(prefix + "feed_forward_length", kFeedForward);
  writer.AddInteger(prefix + "attention.head_count", 4);
  writer.AddInteger(prefix + "attention.head_count_kv", 2);
  writer.AddFloat(prefix + "attention.layer_norm_rms_epsilon", 1e-5f);
  writer.AddInteger(prefix + "rope.dimension_count", 8);
  std::vector<std::string> tokens = ByteTokens();
  std::vector<std::int32_t> types(tokens.size(), 1);
  tokens.push_back("<|end|>");
  types.push_back(3);
  writer.AddString("tokenizer.ggml.model", "gpt2");
  writer.AddString("tokenizer.ggml.pre", "smollm");
  writer.AddStrings("tokenizer.ggml.tokens", tokens);
  writer.AddIntegers("tokenizer.ggml.token_type", types);
  writer.AddStrings("tokenizer.ggml.merges", {});
  writer.AddInteger("tokenizer.ggml.eos_token_id", 256);
  writer.AddString("tokenizer.chat_template", "{{ messages }}");

  const auto add_of = [&](WeightType type, const std::string& name, std::size_t outputs,
                          std::size_t inputs) {
    const reference::Weights weights = reference::RandomWeights(type, outputs, inputs, random);
    writer.AddTensor(name, GgufType(type), {inputs, outputs}, AsString(weights.bytes));
    tensors[name] = weights.values;
  };
  const auto add = [&](const std::string& name, std::size_t outputs, std::size_t inputs) {
    add_of(options.type, name, outputs, inputs);
  };
  const auto add_norm = [&](const std::string& name) {
    const reference::Weights weights = RandomDense("F32", sizes.width, 1.0f, 0.3f, random);
    writer.AddTensor(name, 0, {sizes.width}, AsString(weights.bytes));
    tensors[name] = weights.values;
  };
  const auto add_bias = [&](const std::string& name, std::size_t outputs) {
    const reference::Weights bias = RandomDense("F32", outputs, 0.0f, 0.5f, random);
    writer.AddTensor(name, 0, {outputs}, AsString(bias.bytes));
    tensors[name] = bias.values;
  };
  const std::size_t query_width = sizes.heads * sizes.head_width;
  const std::size_t key_width = sizes.kv_heads * sizes.head_width;
  add("token_embd.weight", kVocabulary, sizes.width);
  for (std::size_t layer = 0; layer < sizes.layers; ++layer) {
    const std::string at = "blk." + std::to_string(layer) + ".";
    add_norm(at + "attn_norm.weight");
    add(at + "attn_q.weight", query_width, sizes.width);
    add_of(options.key_type.value_or(options.type), at + "attn_k.weight", key_width, sizes.width);
    add(at + "attn_v.weight", key_width, sizes.width);
    add(at + "attn_output.weight", sizes.width, query_width);
    if (qwen2) {
      add_bias(at + "attn_q.bias", query_width);
      add_bias(at + "attn_k.bias", key_width);
      add_bias(at + "attn_v.bias", key_width);
    }
    add_norm(at + "ffn_norm.weight");
    add(at + "ffn_gate.weight", kFeedForward, sizes.width);
    add(at + "ffn_up.weight", kFeedForward, sizes.width);
    add(at + "ffn_down.weight", sizes.width, kFeedForward);
  }
  add_norm("output_norm.weight");
  if (!options.tied) add("output.weight", kVocabulary, sizes.width);
}

}  // namespace fovea
