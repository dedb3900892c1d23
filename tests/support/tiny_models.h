// Small random models, written as files and kept as numbers: what Encoder and Decoder are compared
// with a reference on.

#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "lib/kernels/packed_matrix.h"
#include "tests/reference/transformer.h"
#include "tests/support/model_files.h"

namespace fovea {

struct TinyBertOptions {
  std::string prefix = {};    // in front of every tensor's name
  std::string dtype = "F32";  // F32, F16 or BF16
  bool cls_pooling = false;
  std::uint32_t seed = 1;
};

// A BERT of 2 layers, D 24, 3 heads, F 40, 12 tokens, 16 positions.
struct TinyBert {
  static constexpr int kVocabulary = 12;
  static constexpr int kPositions = 16;

  explicit TinyBert(const TinyBertOptions& options = {});
  // Writes config.json, modules.json, 1_Pooling/config.json, vocab.txt, tokenizer_config.json and
  // model.safetensors.
  void Write(const std::filesystem::path& folder) const;

  TinyBertOptions options;
  reference::BertSizes sizes;
  reference::Tensors tensors;  // Without the prefix.
  std::string safetensors;     // The file's bytes.
};

struct TinyLlamaOptions {
  WeightType type = WeightType::kF32;
  bool tied = true;
  // "qwen2": pairs of halves, biases on queries, keys and values.
  std::string architecture = "llama";
  std::uint32_t seed = 1;
  std::optional<WeightType> key_type = {};  // of attn_k; nullopt: as all
};

// A Llama of 2 layers, D 64, 4 heads of 16 over 2 key/value heads, F 96, 8 rotated components a
// head, context 320. Vocabulary: the 256 bytes, then "<|end|>" (control).
struct TinyLlama {
  static constexpr int kVocabulary = 257;
  static constexpr int kContext = 320;

  explicit TinyLlama(const TinyLlamaOptions& options = {});
  // The keys and tensors, to which more can be added.
  GgufWriter writer;
  reference::LlamaSizes sizes;
  reference::Tensors tensors;
};

// ggml_type of a weight type.
std::uint32_t GgufType(WeightType type);

}  // namespace fovea
