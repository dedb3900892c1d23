#include "lib/nn/encoder_layer.h"

#include <utility>

#include "lib/attention/attention.h"
#include "lib/nn/row_blocks.h"

namespace fovea {
namespace {

void Normalize(const LayerNormWeights& norm, float epsilon, MatrixView hidden, ThreadPool* pool) {
  ForRowBlocks(hidden.rows, pool, [&](std::size_t begin, std::size_t end) {
    const MatrixView rows = hidden.Rows(begin, end);
    LayerNorm(rows, norm.gamma, norm.beta, epsilon, rows);
  });
}

}  // namespace

Linear PackLinear(std::span<const float> weights, std::vector<float> bias, Precision precision) {
  Linear linear;
  const std::size_t outputs = bias.size();
  const std::size_t inputs = outputs == 0 ? 0 : weights.size() / outputs;
  if (precision == Precision::kInt8) {
    linear.weights = Int8Matrix::Quantize(weights, outputs, inputs, nullptr);
  } else {
    linear.weights = PackedMatrix(WeightType::kF32, std::as_bytes(weights), outputs, inputs);
  }
  linear.bias = std::move(bias);
  return linear;
}

EncoderScratch::EncoderScratch(std::size_t tokens, const EncoderConfig& config)
    : query_key_value(tokens, 3 * static_cast<std::size_t>(config.width)),
      context(tokens, static_cast<std::size_t>(config.width)),
      inner(tokens, static_cast<std::size_t>(config.feed_forward)) {}

void RunEncoderLayer(const EncoderLayer& layer, const EncoderConfig& config,
                     std::span<const std::size_t> starts, MatrixView hidden,
                     EncoderScratch& scratch, MatrixView weights, ThreadPool* pool) {
  const auto width = static_cast<std::size_t>(config.width);
  const MatrixView projected = scratch.query_key_value.view().Rows(0, hidden.rows);
  const MatrixView context = scratch.context.view().Rows(0, hidden.rows);
  const MatrixView inner =
      scratch.inner.view().Rows(0, hidden.rows).Cols(0, layer.feed_forward_in.bias.size());
  layer.query_key_value.Apply(hidden, layer.query_key_value.With(Activation::kNone), projected,
                              pool);
  const AttentionShape shape = {
      .heads = config.heads, .kv_heads = config.heads, .head_width = config.width / config.heads};
  AttentionMask mask;
  mask.query_starts = starts;
  mask.key_starts = starts;
  ScaledDotProductAttention(shape, projected.Cols(0, width), projected.Cols(width, 2 * width),
                            projected.Cols(2 * width, 3 * width), mask, context, weights, pool);
  layer.attention_output.Apply(context, layer.attention_output.Plus(hidden), hidden, pool);
  Normalize(layer.attention_norm, config.epsilon, hidden, pool);
  layer.feed_forward_in.Apply(hidden, layer.feed_forward_in.With(Activation::kGelu), inner, pool);
  layer.feed_forward_out.Apply(inner, layer.feed_forward_out.Plus(hidden), hidden, pool);
  Normalize(layer.output_norm, config.epsilon, hidden, pool);
}

}  // namespace fovea
