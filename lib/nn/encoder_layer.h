// One post-norm transformer layer at run time (Vaswani et al. 2017; Devlin et al. 2019), as the
// encoder and the reader stack them:
//
//   a = LN(x + Attention(x))        y = LN(a + W₂ gelu(W₁ a))

#pragma once

#include <cstddef>
#include <span>
#include <variant>
#include <vector>

#include "lib/kernels/int8_matrix.h"
#include "lib/kernels/kernels.h"
#include "lib/kernels/packed_matrix.h"
#include "lib/nn/encoder.h"

namespace fovea {

struct LayerNormWeights {
  std::vector<float> gamma;  // [D]
  std::vector<float> beta;   // [D]
};

// y = W x + b
struct Linear {
  std::variant<PackedMatrix, Int8Matrix> weights;  // [outputs, inputs]
  std::vector<float> bias;                         // [outputs]

  // out [T, outputs] of input [T, inputs]
  void Apply(ConstMatrixView input, const Epilogue& epilogue, MatrixView out,
             ThreadPool* pool) const {
    std::visit([&](const auto& packed) { MatMul(input, packed, epilogue, out, pool); }, weights);
  }
  Epilogue With(Activation activation) const {
    Epilogue epilogue;
    epilogue.bias = bias.data();
    epilogue.activation = activation;
    return epilogue;
  }
  Epilogue Plus(ConstMatrixView residual) const {
    Epilogue epilogue = With(Activation::kNone);
    epilogue.residual = residual;
    return epilogue;
  }
};

struct EncoderLayer {
  Linear query_key_value;   // [3·D, D]: one matmul for all three
  Linear attention_output;  // [D, D]
  LayerNormWeights attention_norm;
  Linear feed_forward_in;   // [F, D]; F at most the model's
  Linear feed_forward_out;  // [D, F]
  LayerNormWeights output_norm;
};

// weights [outputs, inputs], bias [outputs], packed for matmuls in that precision.
Linear PackLinear(std::span<const float> weights, std::vector<float> bias, Precision precision);

// What a layer needs besides its input, for up to `tokens` tokens. Reused from layer to layer.
struct EncoderScratch {
  EncoderScratch(std::size_t tokens, const EncoderConfig& config);

  Matrix query_key_value;  // [T, 3·D]
  Matrix context;          // [T, D]
  Matrix inner;            // [T, F]
};

// hidden [T, D] is overwritten by the layer's output. Sequences are ragged: rows [starts[s],
// starts[s + 1]) see each other alone. weights: if data is not null, [H·T, T] receives what each
// token attends to, as of ScaledDotProductAttention.
void RunEncoderLayer(const EncoderLayer& layer, const EncoderConfig& config,
                     std::span<const std::size_t> starts, MatrixView hidden,
                     EncoderScratch& scratch, MatrixView weights, ThreadPool* pool);

}  // namespace fovea
