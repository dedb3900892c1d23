#include "lib/nn/tensor_reader.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>
#include <utility>

#include "lib/nn/float16.h"
#include "lib/nn/gguf_types.h"

namespace fovea {

PackedMatrix TensorReader::Packed(const std::string& name, std::size_t outputs, std::size_t inputs,
                                  InputPrecision fast) {
  const GgufTensor& tensor = Take(name, {inputs, outputs});
  return PackedMatrix(Type(name, tensor), tensor.data, outputs, inputs, Packing(fast));
}

GgufLinear TensorReader::LinearLayer(const std::string& name, std::size_t outputs,
                                     std::size_t inputs, InputPrecision fast) {
  GgufLinear linear{Packed(name + ".weight", outputs, inputs, fast), {}};
  if (Has(name + ".bias")) linear.bias = Vector(name + ".bias", outputs);
  return linear;
}

std::vector<GgufLinear> TensorReader::Stacked(const std::vector<Part>& parts, std::size_t inputs,
                                              InputPrecision fast) {
  std::vector<GgufLinear> stacked;
  for (std::size_t i = 0; i < parts.size();) {
    GgufLinear linear;
    std::vector<std::byte> weights;
    std::size_t outputs = 0;
    std::optional<WeightType> type;
    for (; i < parts.size(); ++i) {
      const auto& [name, part_outputs] = parts[i];
      const GgufTensor& tensor = Take(name + ".weight", {inputs, part_outputs});
      if (type && *type != Type(name + ".weight", tensor)) break;
      type = Type(name + ".weight", tensor);
      weights.insert(weights.end(), tensor.data.begin(), tensor.data.end());
      if (Has(name + ".bias")) {
        const std::vector<float> bias = Vector(name + ".bias", part_outputs);
        linear.bias.resize(outputs);  // Zeros of those that have none.
        linear.bias.insert(linear.bias.end(), bias.begin(), bias.end());
      }
      outputs += part_outputs;
    }
    if (!linear.bias.empty()) linear.bias.resize(outputs);
    linear.weights = PackedMatrix(*type, weights, outputs, inputs, Packing(fast));
    stacked.push_back(std::move(linear));
  }
  return stacked;
}

PackOptions TensorReader::Packing(InputPrecision fast) {
  const bool exact = options_.precision == DecoderPrecision::kF32;
  return {
      .precision = exact ? InputPrecision::kF32 : fast, .pool = options_.pool, .arena = &arena_};
}

std::vector<float> TensorReader::Vector(const std::string& name, std::size_t size) {
  const GgufTensor& tensor = Take(name, {size});
  std::vector<float> floats(size);
  if (Type(name, tensor) == WeightType::kF32) {
    std::memcpy(floats.data(), tensor.data.data(), size * sizeof(float));
  } else if (Type(name, tensor) == WeightType::kF16) {
    for (std::size_t i = 0; i < size; ++i) {
      std::uint16_t bits = 0;
      std::memcpy(&bits, tensor.data.data() + i * sizeof bits, sizeof bits);
      floats[i] = HalfToFloat(bits);
    }
  } else {
    Fail(ErrorCode::kUnsupported, name,
         "is a vector of " + GgufTypeName(tensor.type) + "; F32 and F16 can be read");
  }
  return floats;
}

void TensorReader::CheckAllTaken() const {
  for (const auto& [name, tensor] : file_.tensors()) {
    if (std::find(taken_.begin(), taken_.end(), name) == taken_.end()) {
      Fail(ErrorCode::kUnsupported, name, "has no place in the architecture as it is supported");
    }
  }
}

void TensorReader::Fail(ErrorCode code, const std::string& name, const std::string& what) const {
  throw Error(code, file_.file().path().string() + ": tensor \"" + name + "\" " + what);
}

const GgufTensor& TensorReader::Take(const std::string& name,
                                     const std::vector<std::size_t>& shape) {
  const auto found = file_.tensors().find(name);
  if (found == file_.tensors().end()) Fail(ErrorCode::kCorrupt, name, "is missing");
  if (found->second.shape != shape)
    Fail(ErrorCode::kCorrupt, name, "has not the shape that the file's keys ask for");
  taken_.push_back(name);
  return found->second;
}

WeightType TensorReader::Type(const std::string& name, const GgufTensor& tensor) const {
  const std::optional<WeightType> type = GgufWeightType(tensor.type);
  if (!type) {
    Fail(ErrorCode::kUnsupported, name,
         "is of type " + GgufTypeName(tensor.type) +
             "; F32, F16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q4_K, Q5_K and Q6_K can be read");
  }
  return *type;
}

}  // namespace fovea
