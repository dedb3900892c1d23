// Where the weights of the reader that belongs to this build are found.

#pragma once

#include <filesystem>
#include <optional>

namespace fovea {

// share/fovea/reader.safetensors beside the folder of the running program (in a build and in an
// installation), else under the prefix that fovea was configured for; nullopt: in neither.
std::optional<std::filesystem::path> FindReaderFile();

}  // namespace fovea
