// --chunk-tokens and --chunk-overlap, which index and eval share.

#pragma once

#include <optional>

#include "retriever/chunker.h"
#include "retriever/store.h"
#include "tools/option_table.h"

namespace fovea::tools {

struct ChunkingOptions {
  std::optional<int> chunk_tokens;
  std::optional<int> chunk_overlap;

  void Declare(OptionTable& table);
  // What was given, else what the index was built with, else the defaults; an overlap that was not
  // given shrinks to fit the chunks. Throws UsageError if the two contradict each other.
  ChunkerOptions Resolve(const std::optional<IndexSettings>& settings) const;
};

}  // namespace fovea::tools
