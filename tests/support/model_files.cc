#include "tests/support/model_files.h"

namespace fovea {
namespace {

constexpr std::size_t kAlignment = 32;

void Align(std::string& bytes) {
  bytes.resize((bytes.size() + kAlignment - 1) / kAlignment * kAlignment);
}

}  // namespace

void SafetensorsWriter::Add(const std::string& name, const std::string& dtype,
                            const std::vector<std::size_t>& shape, const std::string& bytes) {
  std::string sizes;
  for (const std::size_t size : shape) sizes += (sizes.empty() ? "" : ",") + std::to_string(size);
  header_ += (header_.empty() ? "" : ",") +
             ("\"" + name + "\":{\"dtype\":\"" + dtype + "\",\"shape\":[" + sizes) +
             "],\"data_offsets\":[" + std::to_string(data_.size()) + "," +
             std::to_string(data_.size() + bytes.size()) + "]}";
  data_ += bytes;
}

std::string SafetensorsWriter::Bytes() const { return Raw("{" + header_ + "}", data_); }

std::string SafetensorsWriter::Raw(const std::string& header, const std::string& data) {
  return RawBytes(static_cast<std::uint64_t>(header.size())) + header + data;
}

std::string GgufWriter::String(std::string_view text) {
  return RawBytes(static_cast<std::uint64_t>(text.size())) + std::string(text);
}

void GgufWriter::AddRaw(const std::string& key, std::uint32_t type, const std::string& payload) {
  metadata_ += String(key) + RawBytes(type) + payload;
  ++pairs_;
}

void GgufWriter::AddInteger(const std::string& key, std::uint32_t value) {
  AddRaw(key, 4, RawBytes(value));
}
void GgufWriter::AddFloat(const std::string& key, float value) { AddRaw(key, 6, RawBytes(value)); }
void GgufWriter::AddString(const std::string& key, const std::string& value) {
  AddRaw(key, 8, String(value));
}

void GgufWriter::AddStrings(const std::string& key, const std::vector<std::string>& values) {
  std::string payload =
      RawBytes(std::uint32_t{8}) + RawBytes(static_cast<std::uint64_t>(values.size()));
  for (const std::string& value : values) payload += String(value);
  AddRaw(key, 9, payload);
}

void GgufWriter::AddIntegers(const std::string& key, const std::vector<std::int32_t>& values) {
  AddRaw(key, 9,
         RawBytes(std::uint32_t{5}) + RawBytes(static_cast<std::uint64_t>(values.size())) +
             RawBytes(values));
}

void GgufWriter::AddTensor(const std::string& name, std::uint32_t type,
                           const std::vector<std::uint64_t>& shape, const std::string& bytes) {
  Align(data_);
  AddTensorAt(name, type, shape, data_.size());
  data_ += bytes;
}

void GgufWriter::AddTensorAt(const std::string& name, std::uint32_t type,
                             const std::vector<std::uint64_t>& shape, std::uint64_t offset) {
  places_ += String(name) + RawBytes(static_cast<std::uint32_t>(shape.size())) + RawBytes(shape) +
             RawBytes(type) + RawBytes(offset);
  ++tensors_;
}

std::string GgufWriter::Bytes() const {
  std::string bytes = "GGUF" + RawBytes(std::uint32_t{3}) + RawBytes(tensors_) + RawBytes(pairs_) +
                      metadata_ + places_;
  Align(bytes);
  return bytes + data_;
}

}  // namespace fovea
