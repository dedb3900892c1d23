// BERT and Llama in double precision, one token and head at a time, as the papers' formulae read.

#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace fovea::reference {

// Weights by their names in the file, row-major [outputs, inputs].
using Tensors = std::map<std::string, std::vector<double>>;

struct BertSizes {
  std::size_t layers = 0;
  std::size_t width = 0;
  std::size_t heads = 0;
  std::size_t feed_forward = 0;
  double epsilon = 1e-12;
};

// Hidden states [T, D] after `sizes.layers` layers (Devlin et al. 2019; names as transformers'
// BertModel has them).
std::vector<std::vector<double>> BertHidden(const Tensors& weights, const BertSizes& sizes,
                                            const std::vector<int>& ids);

struct LlamaSizes {
  std::size_t layers = 0;
  std::size_t width = 0;
  std::size_t heads = 0;
  std::size_t kv_heads = 0;
  std::size_t head_width = 0;
  std::size_t rope_width = 0;
  double rope_base = 10000;
  double epsilon = 1e-5;
  bool halves = false;  // RoPE pairs (i, i + rope_width / 2) instead of (2i, 2i + 1).
};

// Logits [T, V] (Touvron et al. 2023; names as GGUF has them; the head is tied if output.weight is
// absent, queries, keys and values have biases if the tensors are there).
std::vector<std::vector<double>> LlamaLogits(const Tensors& weights, const LlamaSizes& sizes,
                                             const std::vector<int>& ids);

// Σ a b / (‖a‖ ‖b‖)
double Cosine(const std::vector<double>& a, const std::vector<double>& b);

}  // namespace fovea::reference
