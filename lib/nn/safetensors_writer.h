// Writes safetensors files (docs/formats.md).

#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "lib/kernels/matrix.h"

namespace fovea {

struct NamedTensor {
  std::string name;
  std::vector<std::size_t> shape;
  ConstMatrixView values;  // as many numbers as the shape, stride == cols
};

// F32, in the order given, replacing the file atomically. Throws Error(kIo), and
// Error(kInvalidArgument) if a tensor does not have as many values as its shape.
void WriteSafetensors(const std::filesystem::path& path, const std::vector<NamedTensor>& tensors,
                      const std::map<std::string, std::string>& metadata);

}  // namespace fovea
