// GGUF files, versions 2 and 3 (llama.cpp's format): typed key/value metadata, then aligned
// tensors. Mapped, every size checked.

#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "lib/base/mapped_file.h"

namespace fovea {

// Numbers are widened; arrays of numbers and of strings are kept whole.
using GgufValue = std::variant<std::int64_t, double, bool, std::string, std::vector<std::int64_t>,
                               std::vector<double>, std::vector<std::string>>;

struct GgufTensor {
  std::uint32_t type = 0;           // ggml_type: 0 F32, 1 F16, 2 Q4_0, 3 Q4_1, 8 Q8_0, …
  std::vector<std::size_t> shape;   // As stored: the innermost dimension first.
  std::span<const std::byte> data;  // Lives as long as the file object.
};

// "Q4_1" for 3; "type 99" for one that is not known.
std::string GgufTypeName(std::uint32_t type);

class GgufFile {
 public:
  // Throws Error(kNotFound | kIo | kCorrupt | kUnsupported); the message names the file and what
  // does not fit.
  explicit GgufFile(const std::filesystem::path& path);

  const std::map<std::string, GgufValue>& metadata() const { return metadata_; }
  const std::map<std::string, GgufTensor>& tensors() const { return tensors_; }
  const MappedFile& file() const { return file_; }

  // The value under `key` as the type asked for (an integer serves as a number). Throws
  // Error(kCorrupt) if it is missing (the first form) or of another type.
  std::int64_t Integer(const std::string& key) const;
  double Number(const std::string& key) const;
  const std::string& String(const std::string& key) const;
  std::int64_t IntegerOr(const std::string& key, std::int64_t fallback) const;
  double NumberOr(const std::string& key, double fallback) const;
  std::string StringOr(const std::string& key, const std::string& fallback) const;
  bool BoolOr(const std::string& key, bool fallback) const;
  const std::vector<std::string>& Strings(const std::string& key) const;
  // Empty if the key is missing.
  std::vector<std::int64_t> IntegersOrEmpty(const std::string& key) const;

 private:
  template <typename T>
  const T* Find(const std::string& key, const char* kind) const;

  MappedFile file_;
  std::map<std::string, GgufValue> metadata_;
  std::map<std::string, GgufTensor> tensors_;
};

}  // namespace fovea
