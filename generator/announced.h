// What a sentence that ends with a colon announces, or a heading.

#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "lib/base/byte_range.h"

namespace fovea {

// Ranges of a text.
struct Announcement {
  ByteRange sentence;            // ends with a colon, or is a heading
  std::vector<ByteRange> parts;  // in order, not empty
};

// `sentence` is one of SplitSentences(text). What it announces, or what the sentence does of whose
// list it is an item of up to three words, which says little alone. A heading, a paragraph of up to
// twelve words that ends no sentence, announces what stands under it. The parts are of a list the
// first sentence of each item, without its marker; else the next sentence.
std::optional<Announcement> AnnouncementOf(std::string_view text, ByteRange sentence);

}  // namespace fovea
