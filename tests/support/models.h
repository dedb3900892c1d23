// The default models, loaded once a test program. A machine that runs the tests has them (tools/test.sh fetches them).

#pragma once

#include <filesystem>

#include "lib/nn/decoder.h"
#include "lib/nn/encoder.h"

namespace fovea {

std::filesystem::path TestEmbedderFolder();
std::filesystem::path TestGeneratorFile();
const Encoder& TestEncoder();
const Decoder& TestDecoder();

}  // namespace fovea
