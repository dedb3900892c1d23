#include "lib/nn/safetensors_writer.h"

#include <cstdint>
#include <cstring>
#include <functional>
#include <nlohmann/json.hpp>
#include <numeric>

#include "lib/base/error.h"
#include "lib/base/file.h"

namespace fovea {

void WriteSafetensors(const std::filesystem::path& path, const std::vector<NamedTensor>& tensors,
                      const std::map<std::string, std::string>& metadata) {
  nlohmann::ordered_json header;
  header["__metadata__"] = metadata;
  std::size_t offset = 0;
  for (const NamedTensor& tensor : tensors) {
    const std::size_t count = std::accumulate(tensor.shape.begin(), tensor.shape.end(),
                                              std::size_t{1}, std::multiplies<>());
    if (tensor.values.rows * tensor.values.cols != count ||
        (tensor.values.rows > 1 && tensor.values.stride != tensor.values.cols)) {
      throw Error(ErrorCode::kInvalidArgument,
                  path.string() + ": tensor \"" + tensor.name + "\" does not fit its shape");
    }
    const std::size_t end = offset + count * sizeof(float);
    header[tensor.name] = {
        {"dtype", "F32"}, {"shape", tensor.shape}, {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string bytes = header.dump();
  bytes.resize((bytes.size() + 7) / 8 * 8, ' ');
  const auto length = static_cast<std::uint64_t>(bytes.size());
  char prefix[8];
  for (int i = 0; i < 8; ++i) prefix[i] = static_cast<char>(length >> (8 * i) & 0xff);
  bytes.insert(0, prefix, sizeof(prefix));
  bytes.reserve(bytes.size() + offset);
  for (const NamedTensor& tensor : tensors) {
    bytes.append(reinterpret_cast<const char*>(tensor.values.data),
                 tensor.values.rows * tensor.values.cols * sizeof(float));
  }
  WriteFileAtomically(path, bytes);
}

}  // namespace fovea
