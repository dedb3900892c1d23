// safetensors files (a JSON header, then raw little-endian tensors), mapped, every size checked.

#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "lib/base/mapped_file.h"

namespace fovea {

struct SafetensorsTensor {
  std::string dtype;  // "F32", "F16", "BF16", "I64", …
  std::vector<std::size_t> shape;
  std::span<const std::byte> data;  // Lives as long as the file object.
};

class SafetensorsFile {
 public:
  // Throws Error(kNotFound | kIo | kCorrupt | kUnsupported); kCorrupt names what does not fit
  // (header size, offsets, overlap, holes, shape), kUnsupported the unknown dtype.
  explicit SafetensorsFile(const std::filesystem::path& path);

  const std::map<std::string, SafetensorsTensor>& tensors() const { return tensors_; }
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  const MappedFile& file() const { return file_; }

  bool Has(const std::string& name) const { return tensors_.count(name) != 0; }
  // The tensor in f32 (F32, F16 and BF16 are converted). Throws Error(kCorrupt) if it is missing or
  // its shape is not `shape`, Error(kUnsupported) on another dtype.
  std::vector<float> Floats(const std::string& name, const std::vector<std::size_t>& shape) const;
  // The same behind what `out` holds.
  void AppendFloats(const std::string& name, const std::vector<std::size_t>& shape,
                    std::vector<float>& out) const;

 private:
  void Decode(const std::string& name, const SafetensorsTensor& tensor,
              std::vector<float>& out) const;

  MappedFile file_;
  std::map<std::string, SafetensorsTensor> tensors_;
  std::map<std::string, std::string> metadata_;
};

}  // namespace fovea
