// Any bytes to valid UTF-8: byte order mark, UTF-8 validity, UTF-16/32 without a mark, a declared
// encoding, uchardet's guess; converted by iconv.
//
// Stateless; may be called from several threads.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace fovea {

struct DecodedText {
  std::string text;  // Valid UTF-8.
  // As found: "UTF-8", "UTF-16LE", "ISO-8859-1", … (names of IANA).
  std::string encoding = "UTF-8";
  // Bytes that were not valid in `encoding`; each ill-formed sequence became one U+FFFD.
  std::int64_t repaired_bytes = 0;
  // `text` is the input byte for byte, a UTF-8 byte order mark included. Converted text has none.
  bool verbatim = true;
};

// `declared`: the encoding that the file itself names (HTML's <meta charset>), "" if none. It is
// believed only where the bytes are neither marked nor valid UTF-8, for text labelled wrongly is
// common and text that is valid UTF-8 by chance is not; the 7-bit encodings (ISO-2022-…) are
// believed always. Names unknown to iconv are passed over.
DecodedText DecodeText(std::string_view bytes, std::string_view declared = "");

// Whether the bytes are of no text encoding: NUL bytes (that are not UTF-16 or UTF-32) or many
// control characters among the first 8 kB.
bool LooksBinary(std::string_view bytes);

}  // namespace fovea
