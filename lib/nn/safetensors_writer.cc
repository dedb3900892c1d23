#include "lib/nn/safetensors_writer.h"

#include <cstring>
#include <functional>
#include <nlohmann/json.hpp>
#include <numeric>

#include "lib/base/error.h"
#include "lib/base/file.h"

namespace fovea {
namespace {

bool IsF32(const NamedTensor& tensor) {
  return std::holds_alternative<ConstMatrixView>(tensor.values);
}

// The tensor's numbers as they lie in the file.
std::span<const std::byte> Bytes(const std::filesystem::path& path, const NamedTensor& tensor) {
  std::size_t count = 0;
  bool whole = true;
  std::span<const std::byte> bytes;
  if (const auto* floats = std::get_if<ConstMatrixView>(&tensor.values)) {
    count = floats->rows * floats->cols;
    whole = floats->rows <= 1 || floats->stride == floats->cols;
    bytes = std::as_bytes(std::span(floats->data, count));
  } else {
    const auto& codes = std::get<std::span<const std::int8_t>>(tensor.values);
    count = codes.size();
    bytes = std::as_bytes(codes);
  }
  const std::size_t expected = std::accumulate(tensor.shape.begin(), tensor.shape.end(),
                                               std::size_t{1}, std::multiplies<>());
  if (count != expected || !whole) {
    throw Error(ErrorCode::kInvalidArgument,
                path.string() + ": tensor \"" + tensor.name + "\" does not fit its shape");
  }
  return bytes;
}

}  // namespace

void WriteSafetensors(const std::filesystem::path& path, const std::vector<NamedTensor>& tensors,
                      const std::map<std::string, std::string>& metadata) {
  nlohmann::ordered_json header;
  header["__metadata__"] = metadata;
  std::string data;
  for (const bool f32 : {true, false}) {
    for (const NamedTensor& tensor : tensors) {
      if (IsF32(tensor) != f32) continue;
      const std::span<const std::byte> bytes = Bytes(path, tensor);
      const std::size_t end = data.size() + bytes.size();
      header[tensor.name] = {{"dtype", f32 ? "F32" : "I8"},
                             {"shape", tensor.shape},
                             {"data_offsets", {data.size(), end}}};
      data.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    }
  }
  std::string bytes = header.dump();
  bytes.resize((bytes.size() + 7) / 8 * 8, ' ');
  const auto length = static_cast<std::uint64_t>(bytes.size());
  char prefix[8];
  for (int i = 0; i < 8; ++i) prefix[i] = static_cast<char>(length >> (8 * i) & 0xff);
  bytes.insert(0, prefix, sizeof(prefix));
  data.insert(0, bytes);
  WriteFileAtomically(path, data);
}

}  // namespace fovea
