// Options of a question that ask, read and eval share.

#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "generator/pipeline.h"
#include "tools/option_table.h"

namespace fovea::tools {

constexpr float kNeverAbstain = 2.0f;  // a threshold that no weight reaches

struct AnswerOptions {
  int passages = 8;
  std::string mode = "generate";
  std::string abstain = "auto";  // "auto", "never", or a threshold
  AskOptions ask;
  std::string examples_file;

  void DeclareMode(OptionTable& table);
  void DeclarePassages(OptionTable& table);
  void DeclareSampling(OptionTable& table);
  void DeclareAbstain(OptionTable& table);
  // The library's options out of all this; reads the examples. Throws UsageError, Error.
  AskOptions Resolve() const;
};

}  // namespace fovea::tools
