// Cuts a document into chunks: whole sentences up to a number of tokens, with overlap, never across
// headings.
//
// Stateless; may be called from several threads. Time and memory are linear in the text, also where
// it is one line.

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/text/document.h"
#include "lib/text/wordpiece.h"

namespace fovea {

struct ChunkerOptions {
  // Most tokens of a chunk's text, without heading and special tokens. 0: one chunk a document,
  // however long.
  int chunk_tokens = 160;
  // Tokens of whole sentences that a chunk repeats from the end of the one before, at most;
  // < chunk_tokens.
  int overlap_tokens = 32;

  // Throws Error(kInvalidArgument) that names the option.
  void validate() const;
};

// Text that makes few tokens (a megabyte of hexadecimal digits is one unknown word) is also cut at
// this many bytes a token.
inline constexpr std::size_t kMaxBytesPerToken = 64;

// Chunks in document order. A sentence longer than chunk_tokens is cut at word borders (a word
// longer than that, at character borders). Ranges carry no surrounding white space and no byte
// order mark.
//
// Coverage: every non-space byte of the text lies in at least one chunk, but for headings with no
// text of their own that are followed by a section below them (Chunk::heading of that section names
// them) or that the document begins with: they are no chunk. With chunk_tokens 0 one chunk covers
// all. A document without text gives none.
std::vector<Chunk> ChunkDocument(const Document& document, const WordPiece& tokenizer,
                                 const ChunkerOptions& options);

// What is embedded and indexed lexically for a chunk: title and heading path in front of the text
// (contextual retrieval), `title + " > " + heading + "\n" + text`; with a title alone
// `title + " " + text`, as BEIR documents are embedded. A title that the heading path starts with,
// or that is the text itself, is not repeated. With neither, the text alone.
std::string ContextualText(std::string_view title, std::string_view heading, std::string_view text);

}  // namespace fovea
