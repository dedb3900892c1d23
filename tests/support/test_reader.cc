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

void WriteReader(ReaderNetwork& network, const Encoder& base, const std::filesystem::path& path,
                 ReaderFileType type, float retrieval_weight) {
  ReaderFileInfo info;
  info.retrieval_weight = retrieval_weight;
  info.base = base.name();
  info.base_fingerprint = base.fingerprint();
  info.frozen_layers = network.options().frozen_layers;
  info.apart_layers = network.options().apart_layers;
  info.joint_layers = network.options().joint_layers;
  std::vector<NamedTensor> tensors;
  for (const Parameter* parameter : network.parameters()) {
    tensors.push_back({parameter->name,
                       {parameter->value.rows(), parameter->value.cols()},
                       parameter->value.view()});
  }
  WriteReaderFile(path, info, tensors, type);
}

}  // namespace fovea
