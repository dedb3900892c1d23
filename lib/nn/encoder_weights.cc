#include "lib/nn/encoder_weights.h"

#include <cstdint>
#include <cstring>
#include <utility>

#include "lib/base/error.h"
#include "lib/nn/float16.h"

namespace fovea {
namespace {

// Reads tensors by BERT's names, which stand with or without "bert." in front.
class WeightReader {
 public:
  WeightReader(const SafetensorsFile& file, Precision precision)
      : file_(file), precision_(precision), prefix_(BertPrefix(file)) {}

  std::vector<float> Vector(const std::string& name, std::size_t size) const {
    return Floats(name, {size});
  }
  std::vector<float> Floats(const std::string& name, const std::vector<std::size_t>& shape) const {
    return file_.Floats(prefix_ + name, shape);
  }

  LayerNormWeights LayerNorm(const std::string& name, std::size_t width) const {
    return {Vector(name + ".weight", width), Vector(name + ".bias", width)};
  }

  // The layers of the given names stacked: their outputs one after the other.
  Linear Stacked(const std::vector<std::string>& names, std::size_t outputs,
                 std::size_t inputs) const {
    std::vector<float> weights, biases;
    weights.reserve(names.size() * outputs * inputs);
    for (const std::string& name : names) {
      file_.AppendFloats(prefix_ + name + ".weight", {outputs, inputs}, weights);
      const std::vector<float> bias = Vector(name + ".bias", outputs);
      biases.insert(biases.end(), bias.begin(), bias.end());
    }
    return PackLinear(weights, std::move(biases), precision_);
  }

  WordEmbeddings Words(std::size_t vocabulary, std::size_t width) const {
    const std::string name = prefix_ + "embeddings.word_embeddings.weight";
    const auto found = file_.tensors().find(name);
    const auto fail = [&](ErrorCode code, const std::string& what) {
      throw Error(code, file_.file().path().string() + ": tensor \"" + name + "\" " + what);
    };
    if (found == file_.tensors().end()) fail(ErrorCode::kCorrupt, "is missing");
    const SafetensorsTensor& tensor = found->second;
    if (tensor.shape != std::vector<std::size_t>{vocabulary, width}) {
      fail(ErrorCode::kCorrupt, "has not the shape [vocab_size, hidden_size] of config.json");
    }
    if (tensor.dtype != "F32" && tensor.dtype != "F16" && tensor.dtype != "BF16") {
      fail(ErrorCode::kUnsupported,
           "is of dtype " + tensor.dtype + "; F32, F16 and BF16 can be read");
    }
    return {tensor, width};
  }

 private:
  const SafetensorsFile& file_;
  Precision precision_;
  std::string prefix_;
};

EncoderLayer ReadLayer(const WeightReader& reader, const std::string& name,
                       const EncoderConfig& config) {
  const auto width = static_cast<std::size_t>(config.width);
  const auto feed_forward = static_cast<std::size_t>(config.feed_forward);
  const std::string self = name + "attention.self.";
  EncoderLayer layer;
  layer.query_key_value =
      reader.Stacked({self + "query", self + "key", self + "value"}, width, width);
  layer.attention_output = reader.Stacked({name + "attention.output.dense"}, width, width);
  layer.attention_norm = reader.LayerNorm(name + "attention.output.LayerNorm", width);
  layer.feed_forward_in = reader.Stacked({name + "intermediate.dense"}, feed_forward, width);
  layer.feed_forward_out = reader.Stacked({name + "output.dense"}, width, feed_forward);
  layer.output_norm = reader.LayerNorm(name + "output.LayerNorm", width);
  return layer;
}

// Position embeddings with those of token type 0 (all of a single text's tokens) added: [positions,
// D].
std::vector<float> ReadPositions(const WeightReader& reader, const SafetensorsFile& file,
                                 const EncoderConfig& config) {
  const auto width = static_cast<std::size_t>(config.width);
  std::vector<float> positions = reader.Floats("embeddings.position_embeddings.weight",
                                               {static_cast<std::size_t>(config.positions), width});
  const std::string name = "embeddings.token_type_embeddings.weight";
  for (const std::string& candidate : {name, "bert." + name}) {
    const auto found = file.tensors().find(candidate);
    if (found == file.tensors().end() || found->second.shape.size() != 2 ||
        found->second.shape[0] == 0)
      continue;
    const std::vector<float> types = reader.Floats(name, {found->second.shape[0], width});
    for (std::size_t i = 0; i < positions.size(); ++i) positions[i] += types[i % width];
    return positions;
  }
  throw Error(ErrorCode::kCorrupt,
              file.file().path().string() + ": tensor \"" + name + "\" is missing");
}

}  // namespace

void WordEmbeddings::CopyRow(std::size_t token, std::span<float> out) const {
  if (dtype_ == "F32") {
    std::memcpy(out.data(), data_ + token * width_ * sizeof(float), width_ * sizeof(float));
    return;
  }
  const auto convert = dtype_ == "F16" ? HalfToFloat : BFloat16ToFloat;
  const std::byte* row = data_ + token * width_ * sizeof(std::uint16_t);
  for (std::size_t i = 0; i < width_; ++i) {
    std::uint16_t bits = 0;
    std::memcpy(&bits, row + i * sizeof bits, sizeof bits);
    out[i] = convert(bits);
  }
}

std::string BertPrefix(const SafetensorsFile& file) {
  return file.Has("bert.embeddings.word_embeddings.weight") ? "bert." : "";
}

EncoderWeights ReadEncoderWeights(const SafetensorsFile& file, const EncoderConfig& config,
                                  Precision precision) {
  const WeightReader reader(file, precision);
  const auto width = static_cast<std::size_t>(config.width);
  EncoderWeights weights;
  weights.words = reader.Words(static_cast<std::size_t>(config.vocabulary), width);
  weights.positions = ReadPositions(reader, file, config);
  weights.embedding_norm = reader.LayerNorm("embeddings.LayerNorm", width);
  for (int i = 0; i < config.layers; ++i) {
    weights.layers.push_back(ReadLayer(reader, "encoder.layer." + std::to_string(i) + ".", config));
  }
  return weights;
}

}  // namespace fovea
