// Reads what a sentence-transformers folder says about a BERT encoder.

#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "lib/nn/encoder.h"

namespace fovea {

struct EncoderFiles {
  EncoderConfig config;
  // Every file besides the weights that the vectors depend on, as it was read: name below the
  // folder and content. Those that do not exist are left out.
  std::vector<std::pair<std::string, std::string>> contents;
};

// Reads config.json, modules.json, the pooling module's config.json, sentence_bert_config.json and
// config_sentence_transformers.json; all but the first may be missing (then: mean pooling, unit
// length, no prompts).
//
// Prompts: those of config_sentence_transformers.json ("query"; "document" or "passage"). Where
// that file names none, two families that were trained with prompts are known by the folder's name:
// e5 ("query: ", "passage: ") and English bge (an instruction in front of the query alone).
//
// Throws Error(kNotFound | kIo | kCorrupt | kUnsupported) that names the file and the key.
EncoderFiles ReadEncoderFiles(const std::filesystem::path& folder);

}  // namespace fovea
