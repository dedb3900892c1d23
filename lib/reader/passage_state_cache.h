// Where the reader's states of passages are kept: they do not depend on the question, and are most
// of what reading costs.

#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lib/nn/row_codes.h"

namespace fovea {

// Implementations may be called by several threads at once, and hold entries of one model alone
// (CrossAttentionReader::fingerprint). What they cannot read is not there; what they cannot write
// is not kept: neither throws.
class PassageStateCache {
 public:
  virtual ~PassageStateCache() = default;

  // One entry a key: states [T, D], or nullopt.
  virtual std::vector<std::optional<RowCodes>> Get(std::span<const std::string> keys) = 0;
  virtual void Put(std::span<const std::string> keys, std::span<const RowCodes> states) = 0;
};

}  // namespace fovea
