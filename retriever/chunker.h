// Cuts a document into chunks: whole sentences up to a number of tokens, with overlap, never across headings.

#pragma once

#include <string>
#include <vector>

#include "lib/text/document.h"
#include "lib/text/wordpiece.h"

namespace fovea {

struct ChunkerOptions {
  // Most tokens of a chunk's text, without heading and special tokens. 0: one chunk a document, however long.
  int chunk_tokens = 160;
  // Tokens of whole sentences that a chunk repeats from the end of the one before, at most; < chunk_tokens.
  int overlap_tokens = 32;

  // Throws Error(kInvalidArgument) that names the option.
  void validate() const;
};

// Chunks in document order. A sentence longer than chunk_tokens is cut at word borders (a word longer than that, at character
// borders). Ranges carry no surrounding white space; every non-space byte of a section's text lies in at least one chunk. A document without
// text gives none.
std::vector<Chunk> ChunkDocument(const Document& document, const WordPiece& tokenizer, const ChunkerOptions& options);

// What is embedded and indexed lexically for a chunk: title and heading path in front of the text (contextual retrieval). With
// neither, the text alone.
std::string ContextualText(std::string_view title, std::string_view heading, std::string_view text);

}  // namespace fovea
