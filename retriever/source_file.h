// A file on its way into the index: read, hashed, and loaded if it is not what the index holds
// already.

#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "lib/text/document.h"
#include "retriever/loader.h"
#include "retriever/source_walk.h"
#include "retriever/store.h"

namespace fovea {

// Of what makes a document: title, text, sections, metadata, format; not of its name.
std::string HashOf(const Document& document);
// The same for another title.
std::string HashOf(const Document& document, std::string_view title);

// Whether `title` is but the file's name: what loaders give a document that has none. It is shown
// and found by words, but not embedded, so that a renamed file keeps its vectors.
bool IsFileNameTitle(std::string_view title, const std::string& document_name);

// True if a file with this record can be taken as unchanged without reading it.
bool LooksUnchanged(const SourceFile& file, const SourceRecord& stored);

struct LoadedFile {
  // What the store is to keep of the file. modified_ns is -1 where the file was so young when it
  // was read that a later change could leave its time as it is: the next run then compares
  // contents.
  SourceRecord record;
  std::optional<SkippedDocument> failure;  // it could not be read, or must not be
  bool unchanged = false;                  // the content is that of the stored record
  std::vector<SkippedDocument> skipped;    // parts of it, or the whole as it holds no text
  std::vector<std::string> warnings;
  std::size_t document_count = 0;

  // Of a small file: its documents with their hashes.
  std::vector<std::pair<Document, std::string>> documents;
  // Of a large one: its bytes, and which document is the last of its name; documents are loaded
  // anew for every visit.
  std::string bytes;
  std::unordered_map<std::string, std::size_t> last_of_name;
};

// `stored`: its record in the index, or nullptr. Never throws for what a file holds or for one that
// cannot be read. May be called by several threads.
LoadedFile LoadFile(const SourceFile& file, const SourceRecord* stored,
                    const LoaderOptions& options);

// In file order, without those that a later one of the same name replaces. `visit` returns false to
// stop.
void VisitDocuments(const LoadedFile& file, const LoaderOptions& options,
                    const std::function<bool(const Document&, const std::string& hash)>& visit);

}  // namespace fovea
