#include "lib/nn/gguf.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <utility>

#include "lib/base/error.h"
#include "lib/nn/gguf_types.h"
#include "lib/text/utf8.h"

namespace fovea {
namespace {

static_assert(std::endian::native == std::endian::little, "GGUF is read in place as little-endian");

constexpr std::uint32_t kMagic = 0x46554747;  // "GGUF"
constexpr std::uint32_t kMaxRank = 4;
constexpr std::size_t kMaxKey = 65535;  // As the specification says.
constexpr std::size_t kMaxTensorName = 1024;
constexpr std::int64_t kDefaultAlignment = 32;
// The least a key/value pair and a tensor's description take, against absurd counts.
constexpr std::size_t kMinPairBytes = 8 + 4 + 1;
constexpr std::size_t kMinTensorBytes = 8 + 4 + 8 + 4 + 8;

enum ValueType : std::uint32_t {
  kUint8,
  kInt8,
  kUint16,
  kInt16,
  kUint32,
  kInt32,
  kFloat32,
  kBool,
  kString,
  kArray,
  kUint64,
  kInt64,
  kFloat64
};

// A cursor over the file's head; every step is checked against what is left.
class HeadReader {
 public:
  explicit HeadReader(const MappedFile& file) : file_(file), bytes_(file.bytes()) {}

  std::size_t position() const { return position_; }
  std::size_t left() const { return bytes_.size() - position_; }

  [[noreturn]] void Corrupt(const std::string& what) const {
    Fail(ErrorCode::kCorrupt, what + "; get the file again");
  }
  [[noreturn]] void Unsupported(const std::string& what) const {
    Fail(ErrorCode::kUnsupported, what);
  }

  template <typename T>
  T Read() {
    if (left() < sizeof(T))
      Corrupt("ends in the middle of its header (" + std::to_string(bytes_.size()) + " bytes)");
    T value;
    std::memcpy(&value, bytes_.data() + position_, sizeof value);
    position_ += sizeof value;
    return value;
  }

  // A count of things of at least `min_bytes` each that must still fit in the file.
  std::size_t Count(const std::string& what, std::size_t min_bytes) {
    const auto count = Read<std::uint64_t>();
    if (count > left() / min_bytes) {
      Corrupt(what + " of " + std::to_string(count) + " goes past the end of the file");
    }
    return static_cast<std::size_t>(count);
  }

  std::string String(const std::string& what) {
    const std::size_t length = Count("the length of " + what, 1);
    std::string text(reinterpret_cast<const char*>(bytes_.data()) + position_, length);
    position_ += length;
    return text;
  }

  // A key or tensor name: not empty, bounded, UTF-8.
  std::string Name(const std::string& what, std::size_t limit) {
    std::string name = String(what);
    if (name.empty() || name.size() > limit) {
      Corrupt(what + " of " + std::to_string(name.size()) + " bytes is empty or too long");
    }
    if (!IsValidUtf8(name)) Corrupt(what + " \"" + EscapeInvalidUtf8(name) + "\" is not UTF-8");
    return name;
  }

 private:
  [[noreturn]] void Fail(ErrorCode code, const std::string& what) const {
    throw Error(code, file_.path().string() + ": " + what);
  }

  const MappedFile& file_;
  std::span<const std::byte> bytes_;
  std::size_t position_ = 0;
};

bool IsFloat(std::uint32_t type) { return type == kFloat32 || type == kFloat64; }

double ReadFloat(HeadReader& head, std::uint32_t type) {
  return type == kFloat32 ? static_cast<double>(head.Read<float>()) : head.Read<double>();
}

bool ReadBool(HeadReader& head, const std::string& key) {
  const auto value = head.Read<std::uint8_t>();
  if (value > 1) head.Corrupt("\"" + key + "\": " + std::to_string(value) + " is not a boolean");
  return value == 1;
}

std::int64_t ReadInteger(HeadReader& head, std::uint32_t type, const std::string& key) {
  switch (type) {
    case kUint8:
      return head.Read<std::uint8_t>();
    case kInt8:
      return head.Read<std::int8_t>();
    case kUint16:
      return head.Read<std::uint16_t>();
    case kInt16:
      return head.Read<std::int16_t>();
    case kUint32:
      return head.Read<std::uint32_t>();
    case kInt32:
      return head.Read<std::int32_t>();
    case kInt64:
      return head.Read<std::int64_t>();
    case kUint64:
      break;
    default:
      head.Corrupt("\"" + key + "\" is of unknown value type " + std::to_string(type));
  }
  const auto value = head.Read<std::uint64_t>();
  if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    head.Corrupt("\"" + key + "\": " + std::to_string(value) + " is too large");
  }
  return static_cast<std::int64_t>(value);
}

std::size_t ValueBytes(std::uint32_t type) {
  switch (type) {
    case kUint8:
    case kInt8:
    case kBool:
      return 1;
    case kUint16:
    case kInt16:
      return 2;
    case kUint32:
    case kInt32:
    case kFloat32:
      return 4;
    default:
      return 8;  // Numbers of 64 bits, and the length of a string.
  }
}

GgufValue ReadArray(HeadReader& head, const std::string& key) {
  const auto type = head.Read<std::uint32_t>();
  if (type == kArray)
    head.Unsupported("\"" + key + "\" is a list of lists, which no known model has");
  if (type > kFloat64)
    head.Corrupt("\"" + key + "\" is a list of unknown value type " + std::to_string(type));
  const std::size_t count = head.Count("the list \"" + key + "\"", ValueBytes(type));
  if (type == kString) {
    std::vector<std::string> strings;
    strings.reserve(count);
    for (std::size_t i = 0; i < count; ++i)
      strings.push_back(head.String("a string of \"" + key + "\""));
    return strings;
  }
  if (IsFloat(type)) {
    std::vector<double> numbers(count);
    for (double& number : numbers) number = ReadFloat(head, type);
    return numbers;
  }
  std::vector<std::int64_t> integers(count);
  for (std::int64_t& integer : integers) {
    integer = type == kBool ? static_cast<std::int64_t>(ReadBool(head, key))
                            : ReadInteger(head, type, key);
  }
  return integers;
}

GgufValue ReadValue(HeadReader& head, const std::string& key) {
  const auto type = head.Read<std::uint32_t>();
  if (type == kString) return head.String("\"" + key + "\"");
  if (type == kArray) return ReadArray(head, key);
  if (type == kBool) return ReadBool(head, key);
  if (IsFloat(type)) return ReadFloat(head, type);
  return ReadInteger(head, type, key);
}

void CheckVersion(HeadReader& head) {
  if (head.left() < 8 || head.Read<std::uint32_t>() != kMagic) {
    head.Corrupt("does not begin with \"GGUF\": it is not a GGUF file");
  }
  const auto version = head.Read<std::uint32_t>();
  if ((version & 0xFFFFu) == 0 && version != 0)
    head.Unsupported("is a big-endian GGUF file; little-endian ones can be read");
  if (version != 2 && version != 3) {
    head.Unsupported("is of GGUF version " + std::to_string(version) +
                     "; versions 2 and 3 can be read");
  }
}

struct TensorPlace {
  std::string name;
  GgufTensor tensor;
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
};

// Bytes of a tensor: whole blocks along the innermost dimension.
std::uint64_t TensorBytes(HeadReader& head, const TensorPlace& place) {
  const GgufTypeSize* type = FindGgufType(place.tensor.type);
  const std::string prefix = "tensor \"" + place.name + "\" ";
  if (type == nullptr)
    head.Unsupported(prefix + "is of unknown type " + std::to_string(place.tensor.type));
  const std::uint64_t inner = place.tensor.shape.front();
  if (inner % type->weights != 0) {
    head.Corrupt(prefix + "has rows of " + std::to_string(inner) + " weights, which blocks of " +
                 std::string(type->name) + " do not divide");
  }
  std::uint64_t bytes = type->bytes;
  const auto multiply = [&](std::uint64_t factor) {
    if (factor == 0) head.Corrupt(prefix + "has a dimension of size 0");
    if (bytes > std::numeric_limits<std::uint64_t>::max() / factor)
      head.Corrupt(prefix + "is impossibly large");
    bytes *= factor;
  };
  multiply(inner / type->weights);
  for (std::size_t i = 1; i < place.tensor.shape.size(); ++i) multiply(place.tensor.shape[i]);
  return bytes;
}

TensorPlace ReadTensorPlace(HeadReader& head) {
  TensorPlace place;
  place.name = head.Name("a tensor's name", kMaxTensorName);
  const auto rank = head.Read<std::uint32_t>();
  if (rank == 0 || rank > kMaxRank) {
    head.Corrupt("tensor \"" + place.name + "\" has " + std::to_string(rank) + " dimensions");
  }
  for (std::uint32_t i = 0; i < rank; ++i) {
    place.tensor.shape.push_back(static_cast<std::size_t>(head.Read<std::uint64_t>()));
  }
  place.tensor.type = head.Read<std::uint32_t>();
  place.offset = head.Read<std::uint64_t>();
  place.bytes = TensorBytes(head, place);
  return place;
}

// Where the tensors' data begins: after the head, aligned.
std::size_t DataBegin(HeadReader& head, std::int64_t alignment, bool any_tensor) {
  if (alignment < 1 || alignment > (std::int64_t{1} << 30) ||
      !std::has_single_bit(static_cast<std::uint64_t>(alignment))) {
    head.Corrupt("general.alignment of " + std::to_string(alignment) + " is not a power of two");
  }
  const auto step = static_cast<std::size_t>(alignment);
  const std::size_t begin = (head.position() + step - 1) / step * step;
  const std::size_t size = head.position() + head.left();
  if (begin > size && any_tensor) head.Corrupt("ends before its tensors begin");
  return std::min(begin, size);
}

void CheckPlaces(HeadReader& head, std::vector<TensorPlace>& places, std::size_t data_bytes,
                 std::int64_t alignment) {
  std::sort(places.begin(), places.end(),
            [](const TensorPlace& a, const TensorPlace& b) { return a.offset < b.offset; });
  std::uint64_t end = 0;
  for (const TensorPlace& place : places) {
    const std::string prefix = "tensor \"" + place.name + "\" ";
    if (place.offset % static_cast<std::uint64_t>(alignment) != 0)
      head.Corrupt(prefix + "is not aligned");
    if (place.offset > data_bytes || place.bytes > data_bytes - place.offset) {
      head.Corrupt(prefix + "lies at bytes " + std::to_string(place.offset) + " + " +
                   std::to_string(place.bytes) + " of " + std::to_string(data_bytes) +
                   ": the file is truncated");
    }
    if (place.offset < end) head.Corrupt(prefix + "overlaps another one");
    end = place.offset + place.bytes;
  }
}

}  // namespace

std::string GgufTypeName(std::uint32_t type) {
  const GgufTypeSize* known = FindGgufType(type);
  return known != nullptr ? std::string(known->name) : "type " + std::to_string(type);
}

GgufFile::GgufFile(const std::filesystem::path& path) : file_(path) {
  HeadReader head(file_);
  CheckVersion(head);
  const auto tensor_count = head.Count("a number of tensors", kMinTensorBytes);
  const auto pair_count = head.Count("a number of keys", kMinPairBytes);
  for (std::size_t i = 0; i < pair_count; ++i) {
    const std::string key = head.Name("a key", kMaxKey);
    if (!metadata_.emplace(key, ReadValue(head, key)).second)
      head.Corrupt("key \"" + key + "\" is there twice");
  }
  std::vector<TensorPlace> places;
  for (std::size_t i = 0; i < tensor_count; ++i) places.push_back(ReadTensorPlace(head));
  const std::int64_t alignment = IntegerOr("general.alignment", kDefaultAlignment);
  const std::span<const std::byte> data =
      file_.bytes().subspan(DataBegin(head, alignment, !places.empty()));
  CheckPlaces(head, places, data.size(), alignment);
  for (TensorPlace& place : places) {
    place.tensor.data = data.subspan(place.offset, place.bytes);
    if (!tensors_.emplace(place.name, std::move(place.tensor)).second) {
      head.Corrupt("tensor \"" + place.name + "\" is there twice");
    }
  }
}

template <typename T>
const T* GgufFile::Find(const std::string& key, const char* kind) const {
  const auto found = metadata_.find(key);
  if (found == metadata_.end()) return nullptr;
  const T* value = std::get_if<T>(&found->second);
  if (value == nullptr) {
    throw Error(ErrorCode::kCorrupt,
                file_.path().string() + ": key \"" + key + "\" is not " + kind);
  }
  return value;
}

namespace {

template <typename T>
const T& Required(const T* value, const MappedFile& file, const std::string& key) {
  if (value == nullptr)
    throw Error(ErrorCode::kCorrupt, file.path().string() + ": key \"" + key + "\" is missing");
  return *value;
}

}  // namespace

std::int64_t GgufFile::Integer(const std::string& key) const {
  return Required(Find<std::int64_t>(key, "an integer"), file_, key);
}

double GgufFile::Number(const std::string& key) const {
  const auto found = metadata_.find(key);
  if (found != metadata_.end()) {
    if (const auto* integer = std::get_if<std::int64_t>(&found->second))
      return static_cast<double>(*integer);
  }
  return Required(Find<double>(key, "a number"), file_, key);
}

const std::string& GgufFile::String(const std::string& key) const {
  return Required(Find<std::string>(key, "a string"), file_, key);
}

const std::vector<std::string>& GgufFile::Strings(const std::string& key) const {
  return Required(Find<std::vector<std::string>>(key, "a list of strings"), file_, key);
}

std::int64_t GgufFile::IntegerOr(const std::string& key, std::int64_t fallback) const {
  const auto* value = Find<std::int64_t>(key, "an integer");
  return value != nullptr ? *value : fallback;
}

double GgufFile::NumberOr(const std::string& key, double fallback) const {
  return metadata_.count(key) != 0 ? Number(key) : fallback;
}

std::string GgufFile::StringOr(const std::string& key, const std::string& fallback) const {
  const auto* value = Find<std::string>(key, "a string");
  return value != nullptr ? *value : fallback;
}

bool GgufFile::BoolOr(const std::string& key, bool fallback) const {
  const auto* value = Find<bool>(key, "a boolean");
  return value != nullptr ? *value : fallback;
}

std::vector<std::int64_t> GgufFile::IntegersOrEmpty(const std::string& key) const {
  const auto* value = Find<std::vector<std::int64_t>>(key, "a list of integers");
  return value != nullptr ? *value : std::vector<std::int64_t>{};
}

}  // namespace fovea
