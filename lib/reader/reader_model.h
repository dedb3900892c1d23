// The cross-attention reader's network at run time; lib/train/reader_network.h has its formulae and
// trains it.
//
//   apart: each sequence alone, through the embedder's embeddings and frozen layers and the
//          reader's own lower layers. Does not depend on the question, so it can be kept.
//   joint: [question + segment; window] through the reader's upper layers, then the heads.
//
// Immutable and shared by threads. A result depends on its own sequences alone, bit for bit.

#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "lib/kernels/matrix.h"
#include "lib/nn/encoder.h"
#include "lib/nn/encoder_layer.h"
#include "lib/reader/reader.h"

namespace fovea {

class ReaderFile;
class ThreadPool;

// What the network says of a question and one window of Tp tokens.
struct WindowLogits {
  std::vector<float> start;  // [Tp], w_s · h_t, of all tokens, without the window's fit
  std::vector<float> end;    // [Tp]
  float fit = 0;             // w_r · h_cls, without the retrieval scores
  float none = 0;            // w_n · h_cls, without the window's fit
  // [Tq, Tp], if asked for: what the question's tokens attend to in the window, averaged over the
  // heads of all joint layers.
  Matrix attention;
  // [L·H·Tq, Tq + Tp], if asked for: row (l·H + h)·Tq + q is what the question's token q attends to
  // in question and window, in head h of joint layer l.
  Matrix head_attention;
};

class ReaderModel {
 public:
  // Borrows `base`. Throws Error(kMismatch) if the file was trained on another base,
  // Error(kCorrupt) that names the tensor.
  ReaderModel(const ReaderFile& file, const Encoder& base, Precision precision, ThreadPool* pool);

  const Encoder& base() const { return base_; }
  Precision precision() const { return precision_; }
  std::size_t width() const { return static_cast<std::size_t>(config_.width); }  // D
  // w_d, w_l: of the dense and the lexical score in a window's fit.
  std::array<float, 2> score_weights() const { return score_weights_; }
  std::size_t joint_layers() const { return joint_.size(); }
  std::size_t heads() const { return static_cast<std::size_t>(config_.heads); }

  // [T, D] of each sequence after the layers that see it alone. Sequences as Encoder::HiddenStates
  // takes them.
  std::vector<Matrix> Apart(std::span<const std::vector<TokenId>> sequences,
                            ThreadPool* pool) const;

  // question [Tq, D] and windows [Tp, D] as Apart gave them.
  std::vector<WindowLogits> Joint(const Matrix& question, std::span<const Matrix> windows,
                                  AttentionDetail attention, ThreadPool* pool) const;

 private:
  // Fills logits[w] of the windows of a batch. Attention is asked for one window at a time: its
  // weights [H·T, T], T = Tq + Tp, are small then.
  void JoinBatch(const Matrix& question, std::span<const Matrix> windows,
                 std::span<const std::size_t> batch, AttentionDetail attention,
                 std::span<WindowLogits> logits, ThreadPool* pool) const;
  // [question + segment; window] of the windows of a batch, one after the other.
  void CopyJoint(const Matrix& question, std::span<const Matrix> windows,
                 std::span<const std::size_t> batch, Matrix& hidden) const;

  const Encoder& base_;
  EncoderConfig config_;
  Precision precision_;
  int frozen_layers_ = 0;
  std::vector<EncoderLayer> apart_;
  std::vector<EncoderLayer> joint_;
  std::vector<float> segment_;  // [D]
  Linear token_head_;           // [2, D]: start, end
  Linear passage_head_;         // [2, D]: fit, none
  std::array<float, 2> score_weights_ = {};
};

}  // namespace fovea
