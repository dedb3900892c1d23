#include "lib/train/transformer_layer.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "lib/attention/attention_backward.h"
#include "lib/nn/row_blocks.h"

namespace fovea {
namespace {

MatrixView Top(Matrix& matrix, std::size_t rows) { return matrix.view().Rows(0, rows); }
ConstMatrixView Top(const Matrix& matrix, std::size_t rows) { return matrix.view().Rows(0, rows); }

void Copy(ConstMatrixView from, MatrixView to, ThreadPool* pool) {
  ForRowBlocks(from.rows, pool, [&](std::size_t begin, std::size_t end) {
    for (std::size_t r = begin; r < end; ++r) std::copy_n(from.row(r), from.cols, to.row(r));
  });
}

// The second dropout of a layer has other draws than its first.
std::uint64_t SecondSeed(const DropoutOptions& dropout) { return ~dropout.seed; }

AttentionShape Shape(const TransformerSizes& sizes) {
  const auto heads = static_cast<int>(sizes.heads);
  return {
      .heads = heads, .kv_heads = heads, .head_width = static_cast<int>(sizes.width / sizes.heads)};
}

AttentionMask Mask(const std::vector<std::size_t>& starts) {
  AttentionMask mask;
  mask.query_starts = starts;
  mask.key_starts = starts;
  return mask;
}

// Of the same name and kind; the value is to be filled in.
Parameter OfShape(const Parameter& parameter, std::size_t rows, std::size_t cols) {
  return MakeParameter(parameter.name, rows, cols, parameter.decays);
}

// The `count` inner units with the largest ‖w_in‖ ‖w_out‖ of in [F, D] and out [D, F], in order.
std::vector<std::size_t> LargestUnits(ConstMatrixView in, ConstMatrixView out, std::size_t count) {
  std::vector<double> sizes(in.rows);
  for (std::size_t unit = 0; unit < in.rows; ++unit) {
    double in_square = 0, out_square = 0;
    for (std::size_t d = 0; d < in.cols; ++d) {
      in_square += std::pow(static_cast<double>(in.row(unit)[d]), 2);
      out_square += std::pow(static_cast<double>(out.row(d)[unit]), 2);
    }
    sizes[unit] = in_square * out_square;
  }
  std::vector<std::size_t> units(in.rows);
  std::iota(units.begin(), units.end(), std::size_t{0});
  std::stable_sort(units.begin(), units.end(),
                   [&](std::size_t a, std::size_t b) { return sizes[a] > sizes[b]; });
  units.resize(count);
  std::sort(units.begin(), units.end());
  return units;
}

}  // namespace

TransformerLayer::TransformerLayer(const std::string& prefix, const TransformerSizes& sizes)
    : sizes_(sizes),
      query_key_value_(
          LinearLayer::Make(prefix + "attention.self.qkv", 3 * sizes.width, sizes.width)),
      attention_output_(
          LinearLayer::Make(prefix + "attention.output.dense", sizes.width, sizes.width)),
      attention_norm_(
          LayerNormLayer::Make(prefix + "attention.output.LayerNorm", sizes.width, sizes.epsilon)),
      feed_forward_in_(
          LinearLayer::Make(prefix + "intermediate.dense", sizes.feed_forward, sizes.width)),
      feed_forward_out_(
          LinearLayer::Make(prefix + "output.dense", sizes.width, sizes.feed_forward)),
      output_norm_(LayerNormLayer::Make(prefix + "output.LayerNorm", sizes.width, sizes.epsilon)) {}

void TransformerLayer::Forward(std::span<const std::size_t> starts, const DropoutOptions& dropout,
                               MatrixView hidden, Trace& trace, ThreadPool* pool) const {
  const std::size_t tokens = hidden.rows;
  const std::size_t width = sizes_.width;
  for (Matrix* matrix : {&trace.input, &trace.context, &trace.attended_normal, &trace.attended,
                         &trace.output_normal})
    Reserve(*matrix, tokens, width);
  Reserve(trace.query_key_value, tokens, 3 * width);
  Reserve(trace.inner, tokens, sizes_.feed_forward);
  Reserve(trace.activated, tokens, sizes_.feed_forward);
  trace.starts.assign(starts.begin(), starts.end());
  trace.dropout = dropout;

  const MatrixView input = Top(trace.input, tokens);
  const MatrixView projected = Top(trace.query_key_value, tokens);
  const MatrixView context = Top(trace.context, tokens);
  const MatrixView attended = Top(trace.attended, tokens);
  const MatrixView inner = Top(trace.inner, tokens);
  const MatrixView activated = Top(trace.activated, tokens);
  Copy(hidden, input, pool);
  query_key_value_.Forward(input, projected, pool);
  ScaledDotProductAttention(Shape(sizes_), projected.Cols(0, width),
                            projected.Cols(width, 2 * width), projected.Cols(2 * width, 3 * width),
                            Mask(trace.starts), context, {}, pool);
  attention_output_.Forward(context, hidden, pool);
  Dropout(hidden, dropout.rate, dropout.seed, input, hidden, pool);
  attention_norm_.Forward(hidden, Top(trace.attended_normal, tokens), trace.attended_inverse,
                          attended, pool);
  feed_forward_in_.Forward(attended, inner, pool);
  GeluForward(inner, activated, pool);
  feed_forward_out_.Forward(activated, hidden, pool);
  Dropout(hidden, dropout.rate, SecondSeed(dropout), attended, hidden, pool);
  output_norm_.Forward(hidden, Top(trace.output_normal, tokens), trace.output_inverse, hidden,
                       pool);
}

void TransformerLayer::Backward(const Trace& trace, MatrixView gradient, Scratch& scratch,
                                ThreadPool* pool) {
  const std::size_t tokens = gradient.rows;
  const std::size_t width = sizes_.width;
  for (Matrix* matrix : {&scratch.branch, &scratch.context}) Reserve(*matrix, tokens, width);
  Reserve(scratch.query_key_value, tokens, 3 * width);
  Reserve(scratch.inner, tokens, sizes_.feed_forward);
  const MatrixView branch = Top(scratch.branch, tokens);
  const MatrixView inner = Top(scratch.inner, tokens);
  output_norm_.Backward(Top(trace.output_normal, tokens), trace.output_inverse, gradient, gradient,
                        pool);
  Dropout(gradient, trace.dropout.rate, SecondSeed(trace.dropout), {}, branch, pool);
  feed_forward_out_.Backward(Top(trace.activated, tokens), branch, inner, false, pool);
  GeluBackward(Top(trace.inner, tokens), inner, inner, pool);
  feed_forward_in_.Backward(Top(trace.attended, tokens), inner, gradient, true, pool);

  const MatrixView context = Top(scratch.context, tokens);
  const MatrixView projected = Top(scratch.query_key_value, tokens);
  attention_norm_.Backward(Top(trace.attended_normal, tokens), trace.attended_inverse, gradient,
                           gradient, pool);
  Dropout(gradient, trace.dropout.rate, trace.dropout.seed, {}, branch, pool);
  attention_output_.Backward(Top(trace.context, tokens), branch, context, false, pool);
  const ConstMatrixView kept = Top(trace.query_key_value, tokens);
  ScaledDotProductAttentionBackward(Shape(sizes_), kept.Cols(0, width), kept.Cols(width, 2 * width),
                                    kept.Cols(2 * width, 3 * width), Mask(trace.starts), context,
                                    {projected.Cols(0, width), projected.Cols(width, 2 * width),
                                     projected.Cols(2 * width, 3 * width)},
                                    pool);
  query_key_value_.Backward(Top(trace.input, tokens), projected, gradient, true, pool);
}

void TransformerLayer::KeepLargestUnits(std::size_t units) {
  if (units >= sizes_.feed_forward) return;
  const std::size_t width = sizes_.width;
  const Matrix& in = feed_forward_in_.weight.value;
  const Matrix& out = feed_forward_out_.weight.value;
  Parameter in_weight = OfShape(feed_forward_in_.weight, units, width);
  Parameter in_bias = OfShape(feed_forward_in_.bias, 1, units);
  Parameter out_weight = OfShape(feed_forward_out_.weight, width, units);
  const std::vector<std::size_t> kept = LargestUnits(in.view(), out.view(), units);
  for (std::size_t i = 0; i < units; ++i) {
    std::copy_n(in.row(kept[i]).data(), width, in_weight.value.row(i).data());
    in_bias.value.data()[i] = feed_forward_in_.bias.value.data()[kept[i]];
    for (std::size_t d = 0; d < width; ++d) out_weight.value.row(d)[i] = out.row(d)[kept[i]];
  }
  feed_forward_in_ = {std::move(in_weight), std::move(in_bias)};
  feed_forward_out_.weight = std::move(out_weight);
  sizes_.feed_forward = units;
}

std::vector<Parameter*> TransformerLayer::parameters() {
  return {&query_key_value_.weight, &query_key_value_.bias, &attention_output_.weight,
          &attention_output_.bias,  &attention_norm_.gamma, &attention_norm_.beta,
          &feed_forward_in_.weight, &feed_forward_in_.bias, &feed_forward_out_.weight,
          &feed_forward_out_.bias,  &output_norm_.gamma,    &output_norm_.beta};
}

}  // namespace fovea
