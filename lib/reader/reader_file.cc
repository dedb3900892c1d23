#include "lib/reader/reader_file.h"

#include <array>
#include <charconv>
#include <cmath>
#include <deque>
#include <utility>

#include "lib/base/error.h"
#include "lib/base/hash.h"
#include "lib/nn/row_codes.h"

namespace fovea {
namespace {

constexpr const char* kFormat = "fovea reader 1";
// Heads have a handful of outputs: 8 bits would save nothing and cost the most there.
constexpr std::size_t kLeastQuantisedOutputs = 16;
constexpr std::size_t kMostLayers = 64;

std::string Text(float value) {
  std::array<char, 32> text{};
  const auto result = std::to_chars(text.data(), text.data() + text.size(), value);
  return {text.data(), result.ptr};
}

struct NamedSign {
  const char* name;
  AnswerSign AnswerSigns::*sign;
};
constexpr auto kSigns = std::to_array<NamedSign>({{"lead", &AnswerSigns::lead},
                                                  {"covered", &AnswerSigns::covered},
                                                  {"known", &AnswerSigns::known},
                                                  {"share", &AnswerSigns::share}});

// Fields that older files lack: visit(key, value), the value as const as `signs`.
template <typename Signs, typename Visit>
void ForEachSignField(Signs& signs, const Visit& visit) {
  for (const auto& [name, sign] : kSigns) {
    visit(std::string("sign_") + name, (signs.*sign).nats);
    visit(std::string("neutral_") + name, (signs.*sign).neutral);
  }
}

void Check(const std::filesystem::path& path, const ReaderFileInfo& info) {
  const auto reject = [&](const char* what) {
    throw Error(ErrorCode::kInvalidArgument, path.string() + ": a reader's file needs " + what);
  };
  if (info.base.empty()) reject("the name of its base");
  if (info.base_fingerprint.empty()) reject("the fingerprint of its base");
  if (info.joint_layers == 0) reject("at least one joint layer");
  if (!std::isfinite(info.abstain_threshold)) reject("a finite abstain_threshold");
  if (!std::isfinite(info.retrieval_weight) || info.retrieval_weight < 0)
    reject("a finite retrieval_weight >= 0");
  ForEachSignField(info.answer_signs, [&](const std::string&, float value) {
    if (!std::isfinite(value)) reject("finite signs of an answer");
  });
}

std::map<std::string, std::string> Metadata(const ReaderFileInfo& info) {
  std::map<std::string, std::string> metadata = info.card;
  metadata["format"] = kFormat;
  metadata["base"] = info.base;
  metadata["base_fingerprint"] = info.base_fingerprint;
  metadata["frozen_layers"] = std::to_string(info.frozen_layers);
  metadata["apart_layers"] = std::to_string(info.apart_layers);
  metadata["joint_layers"] = std::to_string(info.joint_layers);
  if (info.joint_feed_forward != 0)
    metadata["joint_feed_forward"] = std::to_string(info.joint_feed_forward);
  metadata["abstain_threshold"] = Text(info.abstain_threshold);
  metadata["retrieval_weight"] = Text(info.retrieval_weight);
  ForEachSignField(info.answer_signs,
                   [&](const std::string& key, float value) { metadata[key] = Text(value); });
  return metadata;
}

// Takes fields out of the metadata; what is left is the card.
class MetadataReader {
 public:
  MetadataReader(const std::filesystem::path& path, std::map<std::string, std::string> metadata)
      : path_(path), metadata_(std::move(metadata)) {
    if (TakeIfThere("format") != kFormat) {
      throw Error(ErrorCode::kUnsupported, path_.string() + ": is not a reader of the format \"" +
                                               kFormat + "\" (`fovea train reader` writes one)");
    }
  }

  std::string Take(const std::string& key) {
    std::string value = TakeIfThere(key);
    if (value.empty()) Fail(key, "is missing");
    return value;
  }

  template <typename Number>
  Number TakeNumber(const std::string& key) {
    const std::string text = Take(key);
    Number value{};
    const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
    if (result.ec != std::errc() || result.ptr != text.data() + text.size())
      Fail(key, "is \"" + text + "\", not a number");
    return value;
  }

  std::size_t TakeLayers(const std::string& key) {
    const auto layers = TakeNumber<std::size_t>(key);
    if (layers > kMostLayers) Fail(key, "is " + std::to_string(layers) + ": too many");
    return layers;
  }

  [[noreturn]] void Fail(const std::string& key, const std::string& what) const {
    throw Error(ErrorCode::kCorrupt, path_.string() + ": metadata \"" + key + "\" " + what +
                                         "; the file is damaged: get it again");
  }

  std::map<std::string, std::string> Rest() { return std::move(metadata_); }

 private:
  std::string TakeIfThere(const std::string& key) {
    const auto node = metadata_.extract(key);
    return node.empty() ? std::string() : node.mapped();
  }

  std::filesystem::path path_;
  std::map<std::string, std::string> metadata_;
};

}  // namespace

void WriteReaderFile(const std::filesystem::path& path, const ReaderFileInfo& info,
                     const std::vector<NamedTensor>& parameters, ReaderFileType type) {
  Check(path, info);
  std::vector<NamedTensor> tensors;
  std::deque<RowCodes> quantized;  // What `tensors` points to stays where it is.
  for (const NamedTensor& parameter : parameters) {
    const ConstMatrixView& values = std::get<ConstMatrixView>(parameter.values);
    try {
      RowCodes rows = QuantizeRows(values);
      if (type == ReaderFileType::kInt8 && values.rows >= kLeastQuantisedOutputs) {
        const RowCodes& kept = quantized.emplace_back(std::move(rows));
        tensors.push_back({parameter.name, {values.rows, values.cols}, std::span(kept.codes)});
        tensors.push_back({parameter.name + ".scale",
                           {values.rows},
                           ConstMatrixView{kept.scales.data(), 1, values.rows, values.rows}});
        continue;
      }
    } catch (const Error& error) {
      throw Error(error.code(), path.string() + ": tensor \"" + parameter.name +
                                    "\": " + error.what() + "; nothing was written");
    }
    tensors.push_back({parameter.name,
                       values.rows == 1 ? std::vector<std::size_t>{values.cols}
                                        : std::vector<std::size_t>{values.rows, values.cols},
                       values});
  }
  WriteSafetensors(path, tensors, Metadata(info));
}

ReaderFile::ReaderFile(const std::filesystem::path& path) : file_(path) {
  MetadataReader metadata(path, file_.metadata());
  info_.base = metadata.Take("base");
  info_.base_fingerprint = metadata.Take("base_fingerprint");
  info_.frozen_layers = metadata.TakeLayers("frozen_layers");
  info_.apart_layers = metadata.TakeLayers("apart_layers");
  info_.joint_layers = metadata.TakeLayers("joint_layers");
  if (info_.joint_layers == 0) metadata.Fail("joint_layers", "is 0");
  if (file_.metadata().count("joint_feed_forward") != 0)
    info_.joint_feed_forward = metadata.TakeNumber<std::size_t>("joint_feed_forward");
  info_.abstain_threshold = metadata.TakeNumber<float>("abstain_threshold");
  if (!std::isfinite(info_.abstain_threshold)) metadata.Fail("abstain_threshold", "is not finite");
  if (file_.metadata().count("retrieval_weight") != 0)
    info_.retrieval_weight = metadata.TakeNumber<float>("retrieval_weight");
  if (!std::isfinite(info_.retrieval_weight) || info_.retrieval_weight < 0)
    metadata.Fail("retrieval_weight", "is not a finite number >= 0");
  ForEachSignField(info_.answer_signs, [&](const std::string& key, float& value) {
    if (file_.metadata().count(key) == 0) return;
    value = metadata.TakeNumber<float>(key);
    if (!std::isfinite(value)) metadata.Fail(key, "is not finite");
  });
  info_.card = metadata.Rest();
}

std::string ReaderFile::Fingerprint() const { return ContentHash(file_.file().text()); }

std::vector<float> ReaderFile::Matrix(const std::string& name, std::size_t outputs,
                                      std::size_t inputs) const {
  const auto found = file_.tensors().find(name);
  if (found == file_.tensors().end() || found->second.dtype != "I8")
    return Checked(name, file_.Floats(name, {outputs, inputs}));
  const SafetensorsTensor& tensor = found->second;
  if (tensor.shape != std::vector<std::size_t>{outputs, inputs}) {
    throw Error(ErrorCode::kCorrupt, path().string() + ": tensor \"" + name +
                                         "\" has not the shape [" + std::to_string(outputs) + ", " +
                                         std::to_string(inputs) + "] of its base model");
  }
  const std::vector<float> scales = Vector(name + ".scale", outputs);
  std::vector<float> values(outputs * inputs);
  DequantizeRows({reinterpret_cast<const std::int8_t*>(tensor.data.data()), tensor.data.size()},
                 scales, {values.data(), outputs, inputs, inputs});
  return Checked(name, std::move(values));
}

std::vector<float> ReaderFile::Vector(const std::string& name, std::size_t size) const {
  return Checked(name, file_.Floats(name, {size}));
}

std::vector<float> ReaderFile::Checked(const std::string& name, std::vector<float> values) const {
  for (const float value : values) {
    if (std::isfinite(value)) continue;
    throw Error(ErrorCode::kCorrupt, path().string() + ": tensor \"" + name +
                                         "\" holds a number that is not finite: get it again");
  }
  return values;
}

}  // namespace fovea
