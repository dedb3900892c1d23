// What an index holds, in an order of its own: two indexes are equal when their dumps are.

#pragma once

#include <string>
#include <vector>

#include "retriever/store.h"

namespace fovea {

// One line a chunk: document, title, begin, end, heading, text, and the bits of the vector; sorted.
// Documents without a chunk have a line too.
std::vector<std::string> DumpIndex(const Store& store);

}  // namespace fovea
