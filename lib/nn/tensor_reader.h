// A GGUF file's tensors, taken by name and checked against the shapes that the architecture asks
// for.

#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "lib/base/error.h"
#include "lib/kernels/memory_arena.h"
#include "lib/kernels/packed_matrix.h"
#include "lib/nn/decoder.h"
#include "lib/nn/gguf.h"

namespace fovea {

struct GgufLinear {
  PackedMatrix weights;     // [outputs, inputs]
  std::vector<float> bias;  // [outputs], or empty: none.
};

// Knows at the end which tensors nobody asked for. Borrows the file. Throws Error(kCorrupt |
// kUnsupported) that names file and tensor.
class TensorReader {
 public:
  TensorReader(const GgufFile& file, const DecoderOptions& options)
      : file_(file), options_(options) {}

  bool Has(const std::string& name) const { return file_.tensors().count(name) != 0; }

  // weights [outputs, inputs]; `fast` is how they meet activations unless all is asked for in f32.
  PackedMatrix Packed(const std::string& name, std::size_t outputs, std::size_t inputs,
                      InputPrecision fast = InputPrecision::kInt16);

  // `name`.weight, and `name`.bias where the file has it (Qwen2's queries, keys and values).
  GgufLinear LinearLayer(const std::string& name, std::size_t outputs, std::size_t inputs,
                         InputPrecision fast = InputPrecision::kInt16);

  // Layers of the same inputs, each a LinearLayer, as one: its outputs are theirs, one after the
  // other. Those that follow one another with weights of one type are stacked into one product,
  // which quantises its input once and is shared out better; a file of one type gives one, a mixed
  // one more.
  struct Part {
    std::string name;
    std::size_t outputs;
  };
  std::vector<GgufLinear> Stacked(const std::vector<Part>& parts, std::size_t inputs,
                                  InputPrecision fast = InputPrecision::kInt16);

  std::vector<float> Vector(const std::string& name, std::size_t size);

  // A tensor that was not asked for would change the result (a bias, say).
  void CheckAllTaken() const;

 private:
  [[noreturn]] void Fail(ErrorCode code, const std::string& name, const std::string& what) const;
  const GgufTensor& Take(const std::string& name, const std::vector<std::size_t>& shape);
  PackOptions Packing(InputPrecision fast);
  WeightType Type(const std::string& name, const GgufTensor& tensor) const;

  const GgufFile& file_;
  MemoryArena arena_;
  DecoderOptions options_;
  std::vector<std::string> taken_;
};

}  // namespace fovea
