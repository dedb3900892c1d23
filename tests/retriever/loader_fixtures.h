// What a loader gave, collected.

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "retriever/loader.h"

namespace fovea {

struct Loaded {
  std::vector<Document> documents;
  std::vector<SkippedDocument> skipped;
  std::vector<std::string> warnings;
};

inline Loaded Load(const std::string& name, std::string_view bytes,
                   const LoaderOptions& options = {}) {
  Loaded loaded;
  LoaderSink sink;
  sink.document = [&](Document document) { loaded.documents.push_back(std::move(document)); };
  sink.skipped = [&](SkippedDocument skipped) { loaded.skipped.push_back(std::move(skipped)); };
  sink.warning = [&](std::string warning) { loaded.warnings.push_back(std::move(warning)); };
  LoadDocuments(name, name, bytes, options, sink);
  return loaded;
}

// "Outer > Inner" of every section.
inline std::vector<std::string> HeadingPaths(const Document& document) {
  std::vector<std::string> paths;
  for (const Section& section : document.sections) {
    std::string path;
    for (const std::string& heading : section.heading_path) {
      path += (path.empty() ? "" : " > ") + heading;
    }
    paths.push_back(path);
  }
  return paths;
}

inline std::string Repeated(std::string_view text, int times) {
  std::string repeated;
  for (int i = 0; i < times; ++i) repeated += text;
  return repeated;
}

}  // namespace fovea
