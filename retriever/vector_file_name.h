// Names of the vectors files in an index folder. Internal to retriever/.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "retriever/store.h"

namespace fovea {

// "vectors.<generation>.index"
std::string VectorFileName(std::int64_t generation);
// Whether a vectors file has such a name: of this format or an earlier one, finished or being written.
bool IsVectorFileName(std::string_view name);
// Whether the store's record makes sense for this store, so that its file is worth opening. Throws
// Error(kCorrupt).
void CheckRecord(const Store& store, const VectorFileRecord& record);

}  // namespace fovea
