// The examples of a training as token ids, to train the same network in another framework
// (docs/formats.md, "Training examples").

#pragma once

#include <filesystem>

#include "tools/reader_data.h"

namespace fovea::tools {

class Session;

// All questions, whatever an epoch's share is of them. Throws Error(kIo).
void WriteExampleFile(Session& session, const TrainingData& data, const TrainingExamples& examples,
                      std::uint64_t seed, const std::filesystem::path& path);

}  // namespace fovea::tools
