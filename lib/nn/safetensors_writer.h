// Writes safetensors files (docs/formats.md).

#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "lib/kernels/matrix.h"

namespace fovea {

struct NamedTensor {
  std::string name;
  std::vector<std::size_t> shape;
  // As many numbers as the shape: F32 (stride == cols) or I8.
  std::variant<ConstMatrixView, std::span<const std::int8_t>> values;
};

// Tensors in the order given (4-byte ones first, so that every one is aligned), replacing the file
// atomically. Throws Error(kIo), and Error(kInvalidArgument) if a tensor does not have as many
// values as its shape.
void WriteSafetensors(const std::filesystem::path& path, const std::vector<NamedTensor>& tensors,
                      const std::map<std::string, std::string>& metadata);

}  // namespace fovea
