#include "lib/nn/safetensors.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "lib/base/error.h"
#include "lib/nn/float16.h"

namespace fovea {
namespace {

static_assert(std::endian::native == std::endian::little,
              "tensors are read in place as little-endian");

constexpr std::size_t kLengthBytes = 8;
constexpr std::size_t kMaxHeader = 100'000'000;  // As in the reference implementation.
constexpr std::size_t kMaxRank = 16;

struct DtypeSize {
  std::string_view name;
  std::size_t bytes;
};
constexpr std::array<DtypeSize, 17> kDtypes = {{{"F64", 8},
                                                {"F32", 4},
                                                {"F16", 2},
                                                {"BF16", 2},
                                                {"F8_E4M3", 1},
                                                {"F8_E5M2", 1},
                                                {"F8_E8M0", 1},
                                                {"C64", 8},
                                                {"I64", 8},
                                                {"I32", 4},
                                                {"I16", 2},
                                                {"I8", 1},
                                                {"U64", 8},
                                                {"U32", 4},
                                                {"U16", 2},
                                                {"U8", 1},
                                                {"BOOL", 1}}};

std::optional<std::size_t> DtypeBytes(std::string_view name) {
  for (const DtypeSize& dtype : kDtypes) {
    if (dtype.name == name) return dtype.bytes;
  }
  return std::nullopt;
}

struct HeaderEntry {
  std::optional<std::string> dtype;
  std::optional<std::vector<std::uint64_t>> shape;
  std::optional<std::vector<std::uint64_t>> offsets;
};

// Reads the header as it is parsed: names to entries, nothing else, at most three levels deep. A
// false return stops the parser, so hostile JSON (deep, huge numbers, repeated keys) costs nothing.
class HeaderHandler final : public nlohmann::json_sax<nlohmann::json> {
 public:
  std::map<std::string, HeaderEntry> entries;
  std::map<std::string, std::string> metadata;
  std::string error;

  bool null() override { return Fail("null is not allowed"); }
  bool boolean(bool) override { return Fail("a boolean is not allowed"); }
  bool number_float(number_float_t, const string_t&) override {
    return Fail("a fraction is not allowed");
  }
  bool binary(binary_t&) override { return Fail("binary is not allowed"); }
  bool number_integer(number_integer_t) override {
    return Fail("a negative number is not allowed");
  }

  bool number_unsigned(number_unsigned_t value) override {
    if (list_ == nullptr) return Fail("a number stands where none is expected");
    const std::size_t limit = list_ == Shape() ? kMaxRank : 2;
    if (list_->size() >= limit) return Fail("has too many numbers in a list");
    list_->push_back(value);
    return true;
  }

  bool string(string_t& value) override {
    if (depth_ == 2 && in_metadata_) {
      if (!metadata.emplace(key_, value).second)
        return Fail("metadata key \"" + key_ + "\" is there twice");
      return true;
    }
    if (depth_ != 2 || field_ != "dtype" || list_ != nullptr)
      return Fail("a string stands where none is expected");
    if (entry_->dtype) return Fail("\"dtype\" is there twice");
    entry_->dtype = value;
    return true;
  }

  bool start_object(std::size_t) override {
    if (list_ != nullptr || depth_ >= 2) return Fail("is nested too deeply");
    ++depth_;
    return true;
  }

  bool key(string_t& value) override {
    if (depth_ == 1) return TopKey(value);
    if (in_metadata_) {
      key_ = value;
      return true;
    }
    field_ = value;
    if (field_ != "dtype" && field_ != "shape" && field_ != "data_offsets") {
      return Fail("key \"" + field_ + "\" is not known");
    }
    return true;
  }

  bool end_object() override {
    --depth_;
    if (depth_ == 1) {
      name_.clear();
      in_metadata_ = false;
    }
    return true;
  }

  bool start_array(std::size_t) override {
    if (depth_ != 2 || in_metadata_ || list_ != nullptr)
      return Fail("a list stands where none is expected");
    std::optional<std::vector<std::uint64_t>>* target = nullptr;
    if (field_ == "shape") target = &entry_->shape;
    if (field_ == "data_offsets") target = &entry_->offsets;
    if (target == nullptr) return Fail("a list stands where none is expected");
    if (*target) return Fail("\"" + field_ + "\" is there twice");
    list_ = &target->emplace();
    return true;
  }

  bool end_array() override {
    list_ = nullptr;
    return true;
  }

  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    return Fail("is not valid JSON at byte " + std::to_string(position));
  }

 private:
  bool TopKey(const std::string& value) {
    if (value == "__metadata__") {
      if (std::exchange(seen_metadata_, true)) return Fail("\"__metadata__\" is there twice");
      in_metadata_ = true;
      return true;
    }
    if (value.empty()) return Fail("has a tensor without a name");
    const auto [entry, inserted] = entries.try_emplace(value);
    if (!inserted) return Fail("tensor \"" + value + "\" is there twice");
    name_ = value;
    entry_ = &entry->second;
    return true;
  }

  const std::vector<std::uint64_t>* Shape() const {
    return entry_ != nullptr && entry_->shape ? &*entry_->shape : nullptr;
  }

  bool Fail(const std::string& what) {
    if (error.empty()) error = (name_.empty() ? "" : "tensor \"" + name_ + "\": ") + what;
    return false;
  }

  int depth_ = 0;
  bool in_metadata_ = false;
  bool seen_metadata_ = false;
  std::string name_;
  std::string field_;
  std::string key_;
  HeaderEntry* entry_ = nullptr;
  std::vector<std::uint64_t>* list_ = nullptr;
};

[[noreturn]] void Corrupt(const MappedFile& file, const std::string& what) {
  throw Error(ErrorCode::kCorrupt,
              file.path().string() + ": " + what +
                  "; the file is damaged or not a safetensors file: get it again");
}

// The header's JSON, its length checked against the file.
std::string_view HeaderText(const MappedFile& file) {
  const std::string_view text = file.text();
  if (text.size() < kLengthBytes) {
    Corrupt(file, "has only " + std::to_string(text.size()) + " bytes");
  }
  std::uint64_t length = 0;
  std::memcpy(&length, text.data(), kLengthBytes);
  if (length > text.size() - kLengthBytes) {
    Corrupt(file, "header of " + std::to_string(length) + " bytes is longer than the file (" +
                      std::to_string(text.size()) + " bytes)");
  }
  if (length > kMaxHeader)
    Corrupt(file, "header of " + std::to_string(length) + " bytes is too long");
  const std::string_view header = text.substr(kLengthBytes, length);
  if (header.empty() || header.front() != '{') Corrupt(file, "header is not a JSON object");
  // The JSON parser would take a NUL for the end and not see what follows it.
  if (header.find('\0') != std::string_view::npos) Corrupt(file, "header holds a NUL byte");
  return header;
}

// Bytes that shape × dtype needs; nothing if that overflows.
std::optional<std::uint64_t> TensorBytes(const std::vector<std::uint64_t>& shape,
                                         std::size_t dtype_bytes) {
  std::uint64_t bytes = dtype_bytes;
  // A zero makes the product zero whatever the others are.
  if (std::find(shape.begin(), shape.end(), 0u) != shape.end()) return 0;
  for (const std::uint64_t size : shape) {
    if (bytes > std::numeric_limits<std::uint64_t>::max() / size) return std::nullopt;
    bytes *= size;
  }
  return bytes;
}

SafetensorsTensor CheckedTensor(const MappedFile& file, std::span<const std::byte> data,
                                const std::string& name, const HeaderEntry& entry) {
  const std::string prefix = "tensor \"" + name + "\" ";
  if (!entry.dtype || !entry.shape || !entry.offsets || entry.offsets->size() != 2) {
    Corrupt(file, prefix + "lacks dtype, shape or two data_offsets");
  }
  const std::uint64_t begin = (*entry.offsets)[0];
  const std::uint64_t end = (*entry.offsets)[1];
  if (begin > end || end > data.size()) {
    Corrupt(file, prefix + "lies at bytes " + std::to_string(begin) + " to " + std::to_string(end) +
                      " of " + std::to_string(data.size()));
  }
  const std::optional<std::size_t> dtype_bytes = DtypeBytes(*entry.dtype);
  if (!dtype_bytes) {
    throw Error(ErrorCode::kUnsupported, file.path().string() + ": " + prefix +
                                             "has unknown dtype \"" + *entry.dtype + "\"");
  }
  if (TensorBytes(*entry.shape, *dtype_bytes) != end - begin) {
    Corrupt(file, prefix + "has " + std::to_string(end - begin) +
                      " bytes, which is not what its shape and dtype " + *entry.dtype + " need");
  }
  return {
      *entry.dtype, {entry.shape->begin(), entry.shape->end()}, data.subspan(begin, end - begin)};
}

// As the format demands: tensors cover the data without overlap or hole.
void CheckCoverage(const MappedFile& file, std::span<const std::byte> data,
                   const std::map<std::string, HeaderEntry>& entries) {
  std::vector<std::pair<std::pair<std::uint64_t, std::uint64_t>, const std::string*>> ranges;
  for (const auto& [name, entry] : entries) {
    ranges.push_back({{(*entry.offsets)[0], (*entry.offsets)[1]}, &name});
  }
  std::sort(ranges.begin(), ranges.end());
  std::uint64_t covered = 0;
  for (const auto& [range, name] : ranges) {
    if (range.first < covered) Corrupt(file, "tensor \"" + *name + "\" overlaps another one");
    if (range.first > covered) {
      Corrupt(file, "bytes before tensor \"" + *name + "\" belong to no tensor");
    }
    covered = range.second;
  }
  if (covered != data.size()) {
    Corrupt(file, std::to_string(data.size() - covered) + " bytes at the end belong to no tensor");
  }
}

}  // namespace

SafetensorsFile::SafetensorsFile(const std::filesystem::path& path) : file_(path) {
  const std::string_view header = HeaderText(file_);
  HeaderHandler handler;
  if (!nlohmann::json::sax_parse(header, &handler)) Corrupt(file_, "header " + handler.error);
  const std::span<const std::byte> data = file_.bytes().subspan(kLengthBytes + header.size());
  for (const auto& [name, entry] : handler.entries) {
    tensors_.emplace(name, CheckedTensor(file_, data, name, entry));
  }
  CheckCoverage(file_, data, handler.entries);
  metadata_ = std::move(handler.metadata);
}

std::vector<float> SafetensorsFile::Floats(const std::string& name,
                                           const std::vector<std::size_t>& shape) const {
  std::vector<float> floats;
  AppendFloats(name, shape, floats);
  return floats;
}

void SafetensorsFile::AppendFloats(const std::string& name, const std::vector<std::size_t>& shape,
                                   std::vector<float>& out) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) {
    throw Error(ErrorCode::kCorrupt,
                file_.path().string() + ": tensor \"" + name + "\" is missing");
  }
  const SafetensorsTensor& tensor = found->second;
  if (tensor.shape != shape) {
    const auto text = [](const std::vector<std::size_t>& sizes) {
      std::string list;
      for (const std::size_t size : sizes)
        list += (list.empty() ? "" : ", ") + std::to_string(size);
      return "[" + list + "]";
    };
    throw Error(ErrorCode::kCorrupt, file_.path().string() + ": tensor \"" + name +
                                         "\" has shape " + text(tensor.shape) + ", not " +
                                         text(shape));
  }
  Decode(name, tensor, out);
}

void SafetensorsFile::Decode(const std::string& name, const SafetensorsTensor& tensor,
                             std::vector<float>& out) const {
  const std::byte* data = tensor.data.data();
  if (tensor.dtype == "F32") {
    const std::size_t count = tensor.data.size() / sizeof(float);
    if (reinterpret_cast<std::uintptr_t>(data) % alignof(float) == 0) {
      // Not written twice, as resize and memcpy would: loading is bound by fresh memory.
      const auto* floats = reinterpret_cast<const float*>(data);
      out.insert(out.end(), floats, floats + count);
    } else if (count > 0) {
      out.resize(out.size() + count);
      std::memcpy(out.data() + out.size() - count, data, tensor.data.size());
    }
    return;
  }
  if (tensor.dtype != "F16" && tensor.dtype != "BF16") {
    throw Error(ErrorCode::kUnsupported, file_.path().string() + ": tensor \"" + name +
                                             "\" is of dtype " + tensor.dtype +
                                             "; F32, F16 and BF16 can be read");
  }
  const auto convert = tensor.dtype == "F16" ? HalfToFloat : BFloat16ToFloat;
  const std::size_t count = tensor.data.size() / sizeof(std::uint16_t);
  out.reserve(out.size() + count);
  for (std::size_t i = 0; i < count; ++i) {
    std::uint16_t bits = 0;
    std::memcpy(&bits, data + i * sizeof bits, sizeof bits);
    out.push_back(convert(bits));
  }
}

}  // namespace fovea
