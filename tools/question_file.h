// Questions to evaluate on: a SQuAD file, or JSON Lines as the reader is trained on.

#pragma once

#include <filesystem>

#include "tools/squad.h"

namespace fovea::tools {

// A name that ends in ".jsonl" is read as training data (docs/formats.md), where a question without
// an id is called by its number, from 1; any other is SQuAD's JSON. Throws as ReadSquad and
// ReadTrainingData.
SquadFile ReadQuestionFile(const std::filesystem::path& file);

}  // namespace fovea::tools
