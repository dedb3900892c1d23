// The words of a text as the postings' tokenizer (porter over unicode61) sees them. Internal to
// retriever/.

#pragma once

#include <cstddef>
#include <functional>
#include <string_view>

#include "lib/base/byte_range.h"
#include "retriever/sqlite.h"

namespace fovea {

// FTS5 cuts longer terms to this many bytes.
inline constexpr std::size_t kLongestTermBytes = 32768;

// Calls `visit` with the stem and the range of each word, in order, until it returns false. Any
// bytes may be given.
void ForEachWord(sqlite::Database& database, std::string_view text,
                 const std::function<bool(std::string_view stem, ByteRange word)>& visit);

}  // namespace fovea
