// The weights of a BERT encoder as they are read from a safetensors file and packed.

#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "lib/kernels/int8_matrix.h"
#include "lib/kernels/kernels.h"
#include "lib/kernels/packed_matrix.h"
#include "lib/nn/encoder.h"
#include "lib/nn/safetensors.h"

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
  Linear feed_forward_in;   // [F, D]
  Linear feed_forward_out;  // [D, F]
  LayerNormWeights output_norm;
};

// The word-embedding table where it lies in the mapped file: most of its rows are never read.
class WordEmbeddings {
 public:
  WordEmbeddings() = default;
  // tensor [V, D]
  WordEmbeddings(const SafetensorsTensor& tensor, std::size_t width)
      : data_(tensor.data.data()), width_(width), dtype_(tensor.dtype) {}

  // out[D] = the token's row in f32.
  void CopyRow(std::size_t token, std::span<float> out) const;

 private:
  const std::byte* data_ = nullptr;
  std::size_t width_ = 0;
  std::string dtype_;
};

struct EncoderWeights {
  WordEmbeddings words;  // Points into the file.
  std::vector<float>
      positions;  // [positions, D]; the embedding of token type 0 is added to each row.
  LayerNormWeights embedding_norm;
  std::vector<EncoderLayer> layers;
};

// What stands in front of BERT's names in the file: "bert." or nothing.
std::string BertPrefix(const SafetensorsFile& file);

// Reads and packs the tensors by BERT's names, which stand with or without "bert." in front. `file`
// must outlive what is returned. Throws Error(kCorrupt | kUnsupported) that names the file and the
// tensor.
EncoderWeights ReadEncoderWeights(const SafetensorsFile& file, const EncoderConfig& config,
                                  Precision precision);

}  // namespace fovea
