// Chooses and loads the reader of a pipeline.

#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "lib/base/callbacks.h"
#include "lib/nn/encoder.h"
#include "lib/reader/reader.h"

namespace fovea {

class CrossAttentionReader;

struct ReaderOptions {
  // "": the weights that belong to this build (FindReaderFile), and without them, or without the
  // model that they stand on, the embedder's reader. "embedding": that one. Else a file of weights.
  std::string reader = {};
  std::filesystem::path models = {};
  LogCallback log = {};
};

struct LoadedReader {
  std::unique_ptr<Encoder> base;  // of the learned reader, where the embedder is another model
  std::unique_ptr<Reader> reader;
  CrossAttentionReader* learned = nullptr;  // `reader`, if it is the learned one
};

// Borrows `embedder`, which must outlive what is returned. Throws Error(kNotFound | kUnsupported |
// kCorrupt | kMismatch) if a file was asked for and cannot be used, or is damaged.
LoadedReader LoadReader(const ReaderOptions& options, const Encoder& embedder, ThreadPool* pool);

}  // namespace fovea
