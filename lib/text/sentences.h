// Sentence borders in English prose, Markdown and code.

#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "lib/base/byte_range.h"

namespace fovea {

// Ranges of the sentences of `text` (valid UTF-8), in order, not overlapping, without surrounding
// white space, none empty. Everything that is not white space lies in one. Blank lines, list items
// and table rows end a sentence; abbreviations ("e.g.", "Dr.", "U.S.", initials), decimal numbers,
// file names and "3.40.1" do not. Text without any border is one sentence.
std::vector<ByteRange> SplitSentences(std::string_view text);

// Bytes of a list marker and the space behind it ("- ", "12. ", "(a) ", "• ") at the start of
// `line`, 0 if there is none.
std::size_t ListMarker(std::string_view line);

}  // namespace fovea
