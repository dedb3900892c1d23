// One post-norm transformer layer (Vaswani et al. 2017; Devlin et al. 2019) that can be trained.
//
//   a = LN(x + dropout(Attention(x)))        y = LN(a + dropout(W₂ gelu(W₁ a)))
//
// Sequences are ragged: rows [starts[s], starts[s + 1]) see each other alone.

#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "lib/train/layers.h"

namespace fovea {

struct TransformerSizes {
  std::size_t width = 0;         // D
  std::size_t heads = 0;         // H
  std::size_t feed_forward = 0;  // F
  float epsilon = 1e-12f;
};

struct DropoutOptions {
  float rate = 0;          // 0: none (evaluation)
  std::uint64_t seed = 0;  // another for every layer and step
};

class TransformerLayer {
 public:
  // What the backward pass needs of a forward pass over T tokens: 16 · D · T numbers. Reused by the
  // next forward pass.
  struct Trace {
    Matrix input;                         // [T, D]
    Matrix query_key_value;               // [T, 3·D]
    Matrix context;                       // [T, D]
    Matrix attended_normal;               // [T, D]
    std::vector<float> attended_inverse;  // [T]
    Matrix attended;                      // [T, D], a
    Matrix inner;                         // [T, F], W₁ a
    Matrix activated;                     // [T, F]
    Matrix output_normal;                 // [T, D]
    std::vector<float> output_inverse;    // [T]
    std::vector<std::size_t> starts;
    DropoutOptions dropout;
  };

  // Memory of a backward pass, (5 · D + F) · T numbers: whoever runs several layers keeps one.
  struct Scratch {
    Matrix branch;           // [T, D]
    Matrix context;          // [T, D]
    Matrix query_key_value;  // [T, 3·D]
    Matrix inner;            // [T, F]
  };

  // Parameters are named as in a BERT file below `prefix` ("encoder.layer.3."), query, key and
  // value as one matrix "attention.self.qkv"; their values are to be filled in.
  TransformerLayer(const std::string& prefix, const TransformerSizes& sizes);

  // hidden [T, D] is overwritten by the layer's output.
  void Forward(std::span<const std::size_t> starts, const DropoutOptions& dropout,
               MatrixView hidden, Trace& trace, ThreadPool* pool) const;
  // gradient [T, D]: in, of the output; out, of the input. Adds to the parameters' gradients.
  void Backward(const Trace& trace, MatrixView gradient, Scratch& scratch, ThreadPool* pool);

  // Keeps of the feed-forward part the `units` <= F inner units whose weights are largest, by the
  // product of the norms of what goes in and what comes out (magnitude pruning, Han et al. 2015, of
  // whole units, as Li et al. 2017 prune filters).
  void KeepLargestUnits(std::size_t units);

  std::vector<Parameter*> parameters();

 private:
  TransformerSizes sizes_;
  LinearLayer query_key_value_;
  LinearLayer attention_output_;
  LayerNormLayer attention_norm_;
  LinearLayer feed_forward_in_;
  LinearLayer feed_forward_out_;
  LayerNormLayer output_norm_;
};

}  // namespace fovea
