// What flows from a file to the reader: Document (text and structure), Chunk (a range of it),
// Passage (a chunk as it is read and cited).
//
// Every range is in bytes of Document::text, half-open, on UTF-8 character borders. For plain text,
// Markdown and source code in valid UTF-8, Document::text is the file itself, byte for byte (BOM
// and CRLF kept).

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/byte_range.h"
#include "lib/base/ids.h"

namespace fovea {

// A heading and the part of the document it governs.
struct Section {
  // From the outermost heading to the innermost one: {"Indexes", "Partial indexes"}. Empty before
  // the first heading.
  std::vector<std::string> heading_path;
  // Sections follow each other in document order, do not overlap, and together cover the whole
  // text, headings included.
  ByteRange range;
};

struct Document {
  // The path as given to `fovea index` (relative if it was given so), or the `_id` of a BEIR
  // document.
  std::string name;
  std::string title;  // May be empty.
  std::string text;   // Valid UTF-8, may hold NUL characters and a BOM where the file does.
  std::vector<Section> sections;
  std::string metadata_json = "{}";  // One JSON object.
  // Bytes of the file that were not valid in its encoding and became U+FFFD.
  std::int64_t repaired_bytes = 0;
  std::string encoding = "UTF-8";  // As found: "UTF-8", "UTF-16LE", "ISO-8859-1", …
  std::string format = "text";     // "text", "markdown", "html", "code", "beir"
};

// Stands between a document's title and its headings, from the outermost to the innermost.
inline constexpr std::string_view kHeadingSeparator = " > ";

// A range of a document that is embedded and retrieved as one unit.
struct Chunk {
  ByteRange range;
  // Headings joined by kHeadingSeparator, "" outside any section. It goes in front of what is
  // embedded, not into the cited text.
  std::string heading;
  int tokens = 0;  // Of the text alone, without heading and special tokens.
};

// A chunk with what the reader and the user need to see of it.
struct Passage {
  ChunkId chunk{};
  DocumentId document_id{};
  std::string document;  // Document::name
  std::string title;
  std::string heading;
  ByteRange range;   // of the document's text
  std::string text;  // == document text [range.begin, range.end)
};

}  // namespace fovea
