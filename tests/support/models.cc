#include "tests/support/models.h"

#include <memory>

#include "lib/nn/model_path.h"

namespace fovea {

std::filesystem::path TestEmbedderFolder() { return ResolveModel(DefaultModelsFolder(), kDefaultEmbedder); }

std::filesystem::path TestGeneratorFile() { return ResolveModel(DefaultModelsFolder(), kDefaultGenerator); }

const Encoder& TestEncoder() {
  static const std::unique_ptr<Encoder> encoder = Encoder::Load(TestEmbedderFolder());
  return *encoder;
}

const Decoder& TestDecoder() {
  static const std::unique_ptr<Decoder> decoder = Decoder::Load(TestGeneratorFile());
  return *decoder;
}

}  // namespace fovea
