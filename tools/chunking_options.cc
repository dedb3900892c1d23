#include "tools/chunking_options.h"

#include <algorithm>

#include "lib/base/error.h"
#include "tools/usage_error.h"

namespace fovea::tools {

void ChunkingOptions::Declare(OptionTable& table) {
  const ChunkerOptions defaults;
  table.Integer("chunk-tokens", &chunk_tokens, 0,
                "most tokens of a chunk (default: " + std::to_string(defaults.chunk_tokens) +
                    "; 0: one vector a document, its first tokens up to the model's window)");
  table.Integer("chunk-overlap", &chunk_overlap, 0,
                "tokens that a chunk repeats of the one before, at most (default: " +
                    std::to_string(defaults.overlap_tokens) + ")");
}

ChunkerOptions ChunkingOptions::Resolve(const std::optional<IndexSettings>& settings) const {
  ChunkerOptions options;
  if (settings) {
    options.chunk_tokens = settings->chunk_tokens;
    options.overlap_tokens = settings->chunk_overlap;
  }
  if (chunk_tokens) options.chunk_tokens = *chunk_tokens;
  if (chunk_overlap) {
    options.overlap_tokens = *chunk_overlap;
  } else if (!settings) {
    options.overlap_tokens =
        std::clamp(options.overlap_tokens, 0, std::max(0, options.chunk_tokens / 2));
  }
  try {
    options.validate();
  } catch (const Error& error) {
    throw UsageError(std::string("--chunk-tokens, --chunk-overlap: ") + error.what());
  }
  return options;
}

}  // namespace fovea::tools
