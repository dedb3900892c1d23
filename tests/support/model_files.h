// Writes small model files byte by byte, by their formats' definitions: what the readers are tested
// with.

#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fovea {

// Little-endian bytes of a number.
template <typename T>
std::string RawBytes(T value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof value);
}

template <typename T>
std::string RawBytes(const std::vector<T>& values) {
  return std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}

// A safetensors file: a header of JSON, then the tensors in the order they were added.
class SafetensorsWriter {
 public:
  void Add(const std::string& name, const std::string& dtype, const std::vector<std::size_t>& shape,
           const std::string& bytes);
  std::string Bytes() const;

  // A file of any header and data.
  static std::string Raw(const std::string& header, const std::string& data);

 private:
  std::string header_;
  std::string data_;
};

// A GGUF file, version 3, alignment 32.
class GgufWriter {
 public:
  // value: type and payload as the format writes them.
  void AddRaw(const std::string& key, std::uint32_t type, const std::string& payload);
  void AddInteger(const std::string& key, std::uint32_t value);
  void AddFloat(const std::string& key, float value);
  void AddString(const std::string& key, const std::string& value);
  void AddStrings(const std::string& key, const std::vector<std::string>& values);
  void AddIntegers(const std::string& key, const std::vector<std::int32_t>& values);
  // shape: the innermost dimension first.
  void AddTensor(const std::string& name, std::uint32_t type,
                 const std::vector<std::uint64_t>& shape, const std::string& bytes);
  // A description whose offset is given; no data of its own.
  void AddTensorAt(const std::string& name, std::uint32_t type,
                   const std::vector<std::uint64_t>& shape, std::uint64_t offset);
  std::string Bytes() const;

  static std::string String(std::string_view text);

 private:
  std::uint64_t pairs_ = 0;
  std::uint64_t tensors_ = 0;
  std::string metadata_;
  std::string places_;
  std::string data_;
};

}  // namespace fovea
