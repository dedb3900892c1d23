// The weights of a BERT encoder as they are read from a safetensors file and packed.

#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "lib/nn/encoder.h"
#include "lib/nn/encoder_layer.h"
#include "lib/nn/safetensors.h"

namespace fovea {

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
