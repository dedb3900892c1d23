#include "tools/temporary_index.h"

#include <stdlib.h>

#include <cerrno>
#include <system_error>

#include "lib/base/error.h"

namespace fovea::tools {

TemporaryFolder::TemporaryFolder() {
  std::error_code error;
  const std::filesystem::path parent = std::filesystem::temp_directory_path(error);
  std::string name = (parent / "fovea-XXXXXX").string();
  if (error || mkdtemp(name.data()) == nullptr) {
    throw Error(ErrorCode::kIo,
                "cannot make a temporary folder in " + parent.string() + ": " +
                    (error ? error.message() : std::generic_category().message(errno)) +
                    "; $TMPDIR names another place");
  }
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

IndexReport BuildIndex(Session& session, const std::filesystem::path& index,
                       const std::filesystem::path& source, const ChunkerOptions& chunker,
                       Precision precision) {
  const std::unique_ptr<Encoder> encoder =
      Encoder::Load(session.EmbedderFolder(), &session.pool(), precision);
  const std::unique_ptr<Store> store = Store::Open(index, Store::Mode::kWrite, session.log());
  IndexerOptions options;
  options.chunker = chunker;
  Indexer indexer(*store, *encoder, options, &session.pool(), session.log());
  IndexReport report = indexer.Add({source}, session.progress(), session.stop());
  for (const SkippedDocument& skipped : report.skipped)
    session.Warn(skipped.document + ": " + skipped.reason);
  for (const std::string& warning : report.warnings) session.Warn(warning);
  return report;
}

}  // namespace fovea::tools
