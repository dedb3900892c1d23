#include "generator/load_reader.h"

#include <optional>

#include "lib/base/error.h"
#include "lib/nn/model_path.h"
#include "lib/reader/cross_attention_reader.h"
#include "lib/reader/embedding_reader.h"
#include "lib/reader/reader_path.h"

namespace fovea {
namespace {

constexpr const char* kEmbeddingReader = "embedding";

LoadedReader Learned(const std::filesystem::path& path, const ReaderOptions& options,
                     const Encoder& embedder, ThreadPool* pool) {
  const ReaderFile file(path);
  const ReaderFileInfo& info = file.info();
  LoadedReader loaded;
  if (info.base_fingerprint != embedder.fingerprint())
    loaded.base = Encoder::Load(ResolveModel(options.models, info.base), pool, kDefaultPrecision);
  auto reader =
      std::make_unique<CrossAttentionReader>(file, loaded.base ? *loaded.base : embedder, pool);
  loaded.learned = reader.get();
  loaded.reader = std::move(reader);
  return loaded;
}

}  // namespace

LoadedReader LoadReader(const ReaderOptions& options, const Encoder& embedder, ThreadPool* pool) {
  std::string why = "no weights of a learned reader were found";
  if (options.reader.empty()) {
    if (const auto file = FindReaderFile()) {
      try {
        return Learned(*file, options, embedder, pool);
      } catch (const Error& error) {
        if (error.code() != ErrorCode::kNotFound && error.code() != ErrorCode::kMismatch) throw;
        why = error.what();
      }
    }
    if (options.log) options.log(LogLevel::kInfo, "reading with the embedder alone: " + why);
  } else if (options.reader != kEmbeddingReader) {
    return Learned(options.reader, options, embedder, pool);
  }
  LoadedReader loaded;
  loaded.reader = std::make_unique<EmbeddingReader>(embedder);
  return loaded;
}

}  // namespace fovea
