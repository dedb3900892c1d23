// From a file to documents: plain text, Markdown, HTML, source code, BEIR `corpus.jsonl`.
//
// Encodings are detected (BOM, UTF-8 validity, then uchardet); invalid bytes become U+FFFD and are
// counted. Stateless; may be called from several threads.

#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>

#include "lib/base/error.h"
#include "lib/text/document.h"

namespace fovea {

// Why a file (or one line of a corpus.jsonl) is not in the index: shown to the user as it is.
struct SkippedDocument {
  std::string document;  // its name, or "corpus.jsonl:17"
  std::string
      reason;  // "empty", "binary (NUL bytes)", "larger than 256 MiB", "Permission denied", …
  // The file exists but could not be read now: what is stored of it stays.
  bool keep_stored = false;
};

struct LoaderOptions {
  // Larger files are skipped (with a reason that names the option that raises it).
  std::size_t max_file_bytes = std::size_t{256} << 20;
};

struct LoaderSink {
  std::function<void(Document)> document;
  std::function<void(SkippedDocument)> skipped;
  // Something to tell the user that stops nothing: "a.txt: 3 bytes are not valid UTF-8 and became
  // U+FFFD".
  std::function<void(std::string)> warning;
};

// Loads `bytes`, the content of the file at `path`, giving its documents to the sink in file order.
// `name` is the document's name (BEIR documents are named by `_id`). Never throws for bad content:
// it is skipped or repaired, and said. A file without text (empty, white space, binary) is skipped.
void LoadDocuments(const std::filesystem::path& path, const std::string& name,
                   std::string_view bytes, const LoaderOptions& options, const LoaderSink& sink);

// Whether files of this name are read at all when a folder is walked (by extension, or by content
// for unknown ones: those are tried and skipped as binary). Images, archives, executables and
// fovea's own index files are not.
bool IsLoadable(const std::filesystem::path& path);

}  // namespace fovea
