#include "tests/reference/transformer.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace fovea::reference {
namespace {

using Row = std::vector<double>;
using Rows = std::vector<Row>;

Row TableRow(const Row& table, std::size_t row, std::size_t width) {
  return Row(table.begin() + static_cast<std::ptrdiff_t>(row * width),
             table.begin() + static_cast<std::ptrdiff_t>((row + 1) * width));
}

Row Add(Row a, const Row& b) {
  for (std::size_t i = 0; i < a.size(); ++i) a[i] += b[i];
  return a;
}

// W x
Row Times(const Row& weights, const Row& x) {
  Row out(weights.size() / x.size());
  for (std::size_t o = 0; o < out.size(); ++o) {
    for (std::size_t i = 0; i < x.size(); ++i) out[o] += weights[o * x.size() + i] * x[i];
  }
  return out;
}

Row Linear(const Tensors& weights, const std::string& name, const Row& x) {
  return Add(Times(weights.at(name + ".weight"), x), weights.at(name + ".bias"));
}

Row LayerNorm(const Tensors& weights, const std::string& name, Row x, double epsilon) {
  double mean = 0;
  for (const double value : x) mean += value / static_cast<double>(x.size());
  double variance = 0;
  for (const double value : x)
    variance += (value - mean) * (value - mean) / static_cast<double>(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = (x[i] - mean) / std::sqrt(variance + epsilon) * weights.at(name + ".weight")[i] +
           weights.at(name + ".bias")[i];
  }
  return x;
}

Row RmsNorm(const Row& gamma, Row x, double epsilon) {
  double mean_square = 0;
  for (const double value : x) mean_square += value * value / static_cast<double>(x.size());
  for (std::size_t i = 0; i < x.size(); ++i)
    x[i] = x[i] / std::sqrt(mean_square + epsilon) * gamma[i];
  return x;
}

// One query over the first `visible` keys; head h reads key head h / (heads / kv_heads).
Row Attend(const Row& query, const Rows& keys, const Rows& values, std::size_t visible,
           std::size_t heads, std::size_t kv_heads, std::size_t head_width) {
  Row out(heads * head_width);
  for (std::size_t h = 0; h < heads; ++h) {
    const std::size_t at = h / (heads / kv_heads) * head_width;
    Row scores(visible);
    for (std::size_t k = 0; k < visible; ++k) {
      for (std::size_t i = 0; i < head_width; ++i)
        scores[k] += query[h * head_width + i] * keys[k][at + i];
      scores[k] /= std::sqrt(static_cast<double>(head_width));
    }
    const double largest = *std::max_element(scores.begin(), scores.end());
    double sum = 0;
    for (double& score : scores) sum += score = std::exp(score - largest);
    for (std::size_t k = 0; k < visible; ++k) {
      for (std::size_t i = 0; i < head_width; ++i)
        out[h * head_width + i] += scores[k] / sum * values[k][at + i];
    }
  }
  return out;
}

Rows BertLayer(const Tensors& weights, const BertSizes& sizes, const std::string& at,
               const Rows& input) {
  Rows keys;
  Rows values;
  for (const Row& x : input) {
    keys.push_back(Linear(weights, at + "attention.self.key", x));
    values.push_back(Linear(weights, at + "attention.self.value", x));
  }
  Rows output;
  for (const Row& x : input) {
    const Row query = Linear(weights, at + "attention.self.query", x);
    const Row mixed = Attend(query, keys, values, keys.size(), sizes.heads, sizes.heads,
                             sizes.width / sizes.heads);
    const Row attended =
        LayerNorm(weights, at + "attention.output.LayerNorm",
                  Add(Linear(weights, at + "attention.output.dense", mixed), x), sizes.epsilon);
    Row inner = Linear(weights, at + "intermediate.dense", attended);
    for (double& value : inner) value = 0.5 * value * (1 + std::erf(value / std::numbers::sqrt2));
    output.push_back(LayerNorm(weights, at + "output.LayerNorm",
                               Add(Linear(weights, at + "output.dense", inner), attended),
                               sizes.epsilon));
  }
  return output;
}

// Every head's pairs turned by position · base^(−2i / rope_width).
Row Rotate(const LlamaSizes& sizes, Row x, std::size_t position) {
  for (std::size_t head = 0; head < x.size(); head += sizes.head_width) {
    for (std::size_t i = 0; i < sizes.rope_width; i += 2) {
      const double angle = static_cast<double>(position) *
                           std::pow(sizes.rope_base, -static_cast<double>(i) /
                                                         static_cast<double>(sizes.rope_width));
      double& first = x[head + (sizes.halves ? i / 2 : i)];
      double& second = x[head + (sizes.halves ? i / 2 + sizes.rope_width / 2 : i + 1)];
      const double before = first;
      first = before * std::cos(angle) - second * std::sin(angle);
      second = before * std::sin(angle) + second * std::cos(angle);
    }
  }
  return x;
}

Row MaybeBiased(const Tensors& weights, const std::string& name, const Row& x) {
  const bool biased = weights.count(name + ".bias") != 0;
  return biased ? Linear(weights, name, x) : Times(weights.at(name + ".weight"), x);
}

Rows LlamaLayer(const Tensors& weights, const LlamaSizes& sizes, const std::string& at,
                const Rows& input) {
  Rows keys;
  Rows values;
  Rows output;
  for (std::size_t t = 0; t < input.size(); ++t) {
    const Row n = RmsNorm(weights.at(at + "attn_norm.weight"), input[t], sizes.epsilon);
    keys.push_back(Rotate(sizes, MaybeBiased(weights, at + "attn_k", n), t));
    values.push_back(MaybeBiased(weights, at + "attn_v", n));
    const Row query = Rotate(sizes, MaybeBiased(weights, at + "attn_q", n), t);
    const Row mixed =
        Attend(query, keys, values, t + 1, sizes.heads, sizes.kv_heads, sizes.head_width);
    const Row attended = Add(input[t], Times(weights.at(at + "attn_output.weight"), mixed));
    const Row m = RmsNorm(weights.at(at + "ffn_norm.weight"), attended, sizes.epsilon);
    Row gated = Times(weights.at(at + "ffn_gate.weight"), m);
    const Row up = Times(weights.at(at + "ffn_up.weight"), m);
    for (std::size_t i = 0; i < gated.size(); ++i) gated[i] *= up[i] / (1 + std::exp(-gated[i]));
    output.push_back(Add(attended, Times(weights.at(at + "ffn_down.weight"), gated)));
  }
  return output;
}

}  // namespace

Rows BertHidden(const Tensors& weights, const BertSizes& sizes, const std::vector<int>& ids) {
  Rows rows;
  for (std::size_t t = 0; t < ids.size(); ++t) {
    const auto id = static_cast<std::size_t>(ids[t]);
    const Row sum =
        Add(Add(TableRow(weights.at("embeddings.word_embeddings.weight"), id, sizes.width),
                TableRow(weights.at("embeddings.token_type_embeddings.weight"), 0, sizes.width)),
            TableRow(weights.at("embeddings.position_embeddings.weight"), t, sizes.width));
    rows.push_back(LayerNorm(weights, "embeddings.LayerNorm", sum, sizes.epsilon));
  }
  for (std::size_t layer = 0; layer < sizes.layers; ++layer) {
    rows = BertLayer(weights, sizes, "encoder.layer." + std::to_string(layer) + ".", rows);
  }
  return rows;
}

Rows LlamaLogits(const Tensors& weights, const LlamaSizes& sizes, const std::vector<int>& ids) {
  Rows rows;
  for (const int id : ids) {
    rows.push_back(
        TableRow(weights.at("token_embd.weight"), static_cast<std::size_t>(id), sizes.width));
  }
  for (std::size_t layer = 0; layer < sizes.layers; ++layer) {
    rows = LlamaLayer(weights, sizes, "blk." + std::to_string(layer) + ".", rows);
  }
  const bool tied = weights.count("output.weight") == 0;
  const Row& head = weights.at(tied ? "token_embd.weight" : "output.weight");
  for (Row& row : rows)
    row = Times(head, RmsNorm(weights.at("output_norm.weight"), row, sizes.epsilon));
  return rows;
}

double Cosine(const std::vector<double>& a, const std::vector<double>& b) {
  double dot = 0;
  double aa = 0;
  double bb = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    dot += a[i] * b[i];
    aa += a[i] * a[i];
    bb += b[i] * b[i];
  }
  return dot / std::sqrt(aa * bb);
}

}  // namespace fovea::reference
