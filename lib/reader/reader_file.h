// The reader's weights as a file (docs/formats.md): the layers that were trained, under the names
// of lib/train's parameters, and what they were trained on top of.

#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "lib/nn/safetensors.h"
#include "lib/nn/safetensors_writer.h"
#include "lib/reader/reader.h"

namespace fovea {

struct ReaderFileInfo {
  std::string base;              // the embedder's name: its folder's
  std::string base_fingerprint;  // Encoder::fingerprint(): its embeddings, lower layers, tokenizer
  std::size_t frozen_layers = 0;
  std::size_t apart_layers = 0;
  std::size_t joint_layers = 0;  // at least 1
  // F of the joint layers; 0: the base's.
  std::size_t joint_feed_forward = 0;
  std::size_t JointFeedForward(std::size_t of_base) const {
    return joint_feed_forward != 0 ? joint_feed_forward : of_base;
  }
  // Reader::abstain_threshold: of the "none of these" weight.
  float abstain_threshold = 0.5f;
  // Found on validation questions after the training: how much more a passage fits for each unit of
  // its retrieval scores (dense + lexical), on top of the trained weights of these. At least 0.
  float retrieval_weight = 0;
  AnswerSigns answer_signs = {};  // Found likewise.
  // The model card: "data", "licence", "figures", "command" and the like, as free text.
  std::map<std::string, std::string> card;
};

enum class ReaderFileType { kInt8, kF32 };

// `parameters` are matrices [outputs, inputs] and vectors (of one row) in f32. kInt8 stores each
// matrix of a layer in 8 bits with a scale an output, "<name>.scale"; vectors and the small heads
// stay f32. Replaces the file atomically. Throws Error(kIo), Error(kInvalidArgument) that names the
// tensor if a number is not finite, or the field if `info` is not complete.
void WriteReaderFile(const std::filesystem::path& path, const ReaderFileInfo& info,
                     const std::vector<NamedTensor>& parameters,
                     ReaderFileType type = ReaderFileType::kInt8);

// Read and checked as far as it can be without its base model; tensors are checked when they are
// asked for.
class ReaderFile {
 public:
  // Throws Error(kNotFound | kIo | kCorrupt) as SafetensorsFile, Error(kUnsupported) if it is a
  // file of another format, Error(kCorrupt) if a field of the metadata is missing or no number.
  explicit ReaderFile(const std::filesystem::path& path);

  const ReaderFileInfo& info() const { return info_; }
  const std::filesystem::path& path() const { return file_.file().path(); }
  // Hash of the whole file.
  std::string Fingerprint() const;

  // [outputs, inputs] and [size] in f32, whatever they are stored as. Throws Error(kCorrupt) that
  // names file and tensor if it is missing, of another shape, or holds a number that is not finite.
  std::vector<float> Matrix(const std::string& name, std::size_t outputs, std::size_t inputs) const;
  std::vector<float> Vector(const std::string& name, std::size_t size) const;

 private:
  std::vector<float> Checked(const std::string& name, std::vector<float> values) const;

  SafetensorsFile file_;
  ReaderFileInfo info_;
};

}  // namespace fovea
