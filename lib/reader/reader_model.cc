#include "lib/reader/reader_model.h"

#include <algorithm>
#include <string>
#include <utility>

#include "lib/base/error.h"
#include "lib/base/thread_pool.h"
#include "lib/nn/sequence_batches.h"
#include "lib/reader/reader_file.h"

namespace fovea {
namespace {

Linear ReadLinear(const ReaderFile& file, const std::string& name, std::size_t outputs,
                  std::size_t inputs, Precision precision) {
  return PackLinear(file.Matrix(name + ".weight", outputs, inputs),
                    file.Vector(name + ".bias", outputs), precision);
}

LayerNormWeights ReadLayerNorm(const ReaderFile& file, const std::string& name, std::size_t width) {
  return {file.Vector(name + ".weight", width), file.Vector(name + ".bias", width)};
}

EncoderLayer ReadLayer(const ReaderFile& file, std::size_t number, std::size_t width,
                       std::size_t feed_forward, Precision precision) {
  const std::string name = "encoder.layer." + std::to_string(number) + ".";
  const auto linear = [&](const char* part, std::size_t outputs, std::size_t inputs) {
    return ReadLinear(file, name + part, outputs, inputs, precision);
  };
  EncoderLayer layer;
  layer.query_key_value = linear("attention.self.qkv", 3 * width, width);
  layer.attention_output = linear("attention.output.dense", width, width);
  layer.attention_norm = ReadLayerNorm(file, name + "attention.output.LayerNorm", width);
  layer.feed_forward_in = linear("intermediate.dense", feed_forward, width);
  layer.feed_forward_out = linear("output.dense", width, feed_forward);
  layer.output_norm = ReadLayerNorm(file, name + "output.LayerNorm", width);
  return layer;
}

void CheckBase(const ReaderFile& file, const Encoder& base) {
  const ReaderFileInfo& info = file.info();
  if (info.base_fingerprint != base.fingerprint()) {
    throw Error(ErrorCode::kMismatch, file.path().string() + ": was trained on top of " +
                                          info.base + " (" + info.base_fingerprint + "), not of " +
                                          base.name() + " (" + base.fingerprint() +
                                          "): give it that model, or train a reader on this one");
  }
  if (info.joint_feed_forward > static_cast<std::size_t>(base.config().feed_forward)) {
    throw Error(ErrorCode::kCorrupt, file.path().string() + ": has feed-forward layers of " +
                                         std::to_string(info.joint_feed_forward) + " units, " +
                                         base.name() + " of " +
                                         std::to_string(base.config().feed_forward));
  }
  if (info.frozen_layers > static_cast<std::size_t>(base.config().layers)) {
    throw Error(ErrorCode::kCorrupt, file.path().string() + ": wants " +
                                         std::to_string(info.frozen_layers) + " layers of " +
                                         base.name() + ", which has " +
                                         std::to_string(base.config().layers));
  }
}

// Collects the rows of the question's tokens out of the weights of one window's joint layers.
class AttentionCollector {
 public:
  AttentionCollector(AttentionDetail detail, std::size_t layers, std::size_t heads,
                     std::size_t question, std::size_t window, WindowLogits& out)
      : layers_(layers), heads_(heads), question_(question), out_(out) {
    if (detail == AttentionDetail::kNone) return;
    const std::size_t tokens = question + window;
    weights_ = Matrix(heads * tokens, tokens);
    out.attention = Matrix(question, window);
    std::fill_n(out.attention.data(), question * window, 0.0f);
    if (detail == AttentionDetail::kHeads)
      out.head_attention = Matrix(layers * heads * question, tokens);
  }

  // Where the next layer's weights go: [H·T, T], or nowhere.
  MatrixView weights() { return weights_.view(); }

  void Add(std::size_t layer) {
    if (weights_.rows() == 0) return;
    const std::size_t tokens = weights_.cols();
    const float share = 1.0f / static_cast<float>(layers_ * heads_);
    for (std::size_t head = 0; head < heads_; ++head) {
      for (std::size_t q = 0; q < question_; ++q) {
        const float* row = weights_.row(head * tokens + q).data();
        const std::span<float> mean = out_.attention.row(q);
        for (std::size_t t = 0; t < mean.size(); ++t) mean[t] += share * row[question_ + t];
        if (out_.head_attention.rows() == 0) continue;
        std::copy_n(row, tokens,
                    out_.head_attention.row((layer * heads_ + head) * question_ + q).data());
      }
    }
  }

 private:
  std::size_t layers_, heads_, question_;
  WindowLogits& out_;
  Matrix weights_;
};

}  // namespace

ReaderModel::ReaderModel(const ReaderFile& file, const Encoder& base, Precision precision,
                         ThreadPool* pool)
    : base_(base), config_(base.config()), precision_(precision) {
  CheckBase(file, base);
  const ReaderFileInfo& info = file.info();
  frozen_layers_ = static_cast<int>(info.frozen_layers);
  std::vector<EncoderLayer> layers(info.apart_layers + info.joint_layers);
  const auto feed_forward = static_cast<std::size_t>(config_.feed_forward);
  const std::size_t of_joint = info.JointFeedForward(feed_forward);
  ParallelFor(pool, layers.size(), 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      layers[i] = ReadLayer(file, info.frozen_layers + i, width(),
                            i < info.apart_layers ? feed_forward : of_joint, precision);
    }
  });
  for (std::size_t i = 0; i < layers.size(); ++i)
    (i < info.apart_layers ? apart_ : joint_).push_back(std::move(layers[i]));
  segment_ = file.Vector("segment", width());
  token_head_ = ReadLinear(file, "token_head", 2, width(), Precision::kF32);
  passage_head_ = ReadLinear(file, "passage_head", 2, width(), Precision::kF32);
  const std::vector<float> weights = file.Vector("score_weights", 2);
  score_weights_ = {weights[0], weights[1]};
}

std::vector<Matrix> ReaderModel::Apart(std::span<const std::vector<TokenId>> sequences,
                                       ThreadPool* pool) const {
  std::vector<std::size_t> sizes;
  for (const std::vector<TokenId>& sequence : sequences) sizes.push_back(sequence.size());
  std::vector<Matrix> states(sequences.size());
  ForSequenceBatches(sizes, pool, [&](const SequenceBatch& batch, ThreadPool* threads) {
    std::vector<std::vector<TokenId>> tokens;
    std::vector<std::size_t> starts = {0};
    for (const std::size_t sequence : batch.sequences) {
      tokens.push_back(sequences[sequence]);
      starts.push_back(starts.back() + tokens.back().size());
    }
    Matrix hidden = base_.HiddenStates(tokens, threads, frozen_layers_);
    EncoderScratch scratch(hidden.rows(), config_);
    for (const EncoderLayer& layer : apart_)
      RunEncoderLayer(layer, config_, starts, hidden.view(), scratch, {}, threads);
    for (std::size_t i = 0; i < batch.sequences.size(); ++i) {
      Matrix& out = states[batch.sequences[i]] = Matrix(tokens[i].size(), width());
      std::copy_n(hidden.row(starts[i]).data(), out.rows() * width(), out.data());
    }
  });
  return states;
}

std::vector<WindowLogits> ReaderModel::Joint(const Matrix& question,
                                             std::span<const Matrix> windows,
                                             AttentionDetail attention, ThreadPool* pool) const {
  std::vector<WindowLogits> logits(windows.size());
  if (attention != AttentionDetail::kNone) {
    for (std::size_t w = 0; w < windows.size(); ++w)
      JoinBatch(question, windows, std::array{w}, attention, logits, pool);
    return logits;
  }
  std::vector<std::size_t> sizes;
  for (const Matrix& window : windows) sizes.push_back(question.rows() + window.rows());
  ForSequenceBatches(sizes, pool, [&](const SequenceBatch& batch, ThreadPool* threads) {
    JoinBatch(question, windows, batch.sequences, AttentionDetail::kNone, logits, threads);
  });
  return logits;
}

void ReaderModel::CopyJoint(const Matrix& question, std::span<const Matrix> windows,
                            std::span<const std::size_t> batch, Matrix& hidden) const {
  float* out = hidden.data();
  for (const std::size_t w : batch) {
    for (std::size_t t = 0; t < question.rows(); ++t) {
      for (std::size_t i = 0; i < width(); ++i) *out++ = question.row(t)[i] + segment_[i];
    }
    out = std::copy_n(windows[w].data(), windows[w].rows() * width(), out);
  }
}

void ReaderModel::JoinBatch(const Matrix& question, std::span<const Matrix> windows,
                            std::span<const std::size_t> batch, AttentionDetail attention,
                            std::span<WindowLogits> logits, ThreadPool* pool) const {
  std::vector<std::size_t> starts = {0};
  for (const std::size_t w : batch)
    starts.push_back(starts.back() + question.rows() + windows[w].rows());
  Matrix hidden(starts.back(), width());
  CopyJoint(question, windows, batch, hidden);
  EncoderScratch scratch(hidden.rows(), config_);
  AttentionCollector collector(attention, joint_.size(), heads(), question.rows(),
                               windows[batch.front()].rows(), logits[batch.front()]);
  for (std::size_t layer = 0; layer < joint_.size(); ++layer) {
    RunEncoderLayer(joint_[layer], config_, starts, hidden.view(), scratch, collector.weights(),
                    pool);
    collector.Add(layer);
  }

  Matrix firsts(batch.size(), width());
  for (std::size_t i = 0; i < batch.size(); ++i)
    std::copy_n(hidden.row(starts[i]).data(), width(), firsts.row(i).data());
  Matrix tokens(hidden.rows(), 2), passages(batch.size(), 2);
  token_head_.Apply(hidden.view(), token_head_.With(Activation::kNone), tokens.view(), pool);
  passage_head_.Apply(firsts.view(), passage_head_.With(Activation::kNone), passages.view(), pool);
  for (std::size_t i = 0; i < batch.size(); ++i) {
    WindowLogits& out = logits[batch[i]];
    out.fit = passages.row(i)[0];
    out.none = passages.row(i)[1];
    for (std::size_t row = starts[i] + question.rows(); row < starts[i + 1]; ++row) {
      out.start.push_back(tokens.row(row)[0]);
      out.end.push_back(tokens.row(row)[1]);
    }
  }
}

}  // namespace fovea
