#include "tests/support/test_reader.h"

#include <random>

#include "lib/nn/encoder.h"

namespace fovea {

std::unique_ptr<ReaderNetwork> RandomReader(const Encoder& base,
                                            const std::filesystem::path& folder,
                                            const ReaderNetworkOptions& options,
                                            std::uint64_t seed) {
  const SafetensorsFile weights(folder / "model.safetensors");
  auto network = std::make_unique<ReaderNetwork>(base, weights, options, seed);
  std::mt19937_64 random(seed);
  std::normal_distribution<float> normal(0, 0.1f);
  for (Parameter* parameter : network->parameters()) {
    const bool drawn = parameter->name == "segment" || parameter->name == "score_weights" ||
                       parameter->name.starts_with("token_head") ||
                       parameter->name.starts_with("passage_head");
    for (std::size_t i = 0; drawn && i < parameter->value.rows() * parameter->value.cols(); ++i)
      parameter->value.data()[i] = normal(random);
  }
  return network;
}

void WriteReader(ReaderNetwork& network, const std::filesystem::path& path, ReaderFileType type,
                 float retrieval_weight) {
  ReaderFileInfo info = network.FileInfo();
  info.retrieval_weight = retrieval_weight;
  WriteReaderFile(path, info, network.Tensors(), type);
}

}  // namespace fovea
