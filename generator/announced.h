// What a sentence that ends with a colon announces.

#pragma once

#include <string_view>
#include <vector>

#include "lib/base/byte_range.h"

namespace fovea {

// `sentence` is one of SplitSentences(text). Of a list that follows it the first sentence of each
// item, without its marker; else the next sentence. Ranges of `text`, in order; none where the
// sentence does not end with a colon or ends the text.
std::vector<ByteRange> Announced(std::string_view text, ByteRange sentence);

}  // namespace fovea
