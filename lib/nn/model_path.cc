#include "lib/nn/model_path.h"

#include <cstdlib>
#include <fstream>
#include <system_error>

#include "lib/base/error.h"
#include "lib/base/hash.h"

namespace fovea {
namespace {

namespace fs = std::filesystem;

bool Exists(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

}  // namespace

fs::path DefaultModelsFolder() {
  if (const char* folder = std::getenv("FOVEA_MODELS"); folder != nullptr && *folder != '\0') return folder;
  if (const char* data = std::getenv("XDG_DATA_HOME"); data != nullptr && *data != '\0') {
    return fs::path(data) / "fovea" / "models";
  }
  const char* home = std::getenv("HOME");
  return fs::path(home != nullptr ? home : ".") / ".local" / "share" / "fovea" / "models";
}

fs::path ResolveModel(const fs::path& models_folder, const std::string& name) {
  // A bare name means the models folder first: a folder of the same name in the current one is not meant.
  const bool bare = name.find('/') == std::string::npos;
  if (!bare && Exists(name)) return name;
  for (const char* extension : {"", ".gguf"}) {
    const fs::path path = models_folder / (name + extension);
    if (Exists(path)) return path;
  }
  if (bare && Exists(name)) return name;
  throw Error(ErrorCode::kNotFound, "model \"" + name + "\" was not found in " + models_folder.string() +
                                        "; tools/fetch-models.sh gets the default models, --models names another folder");
}

std::string ModelFingerprint(const fs::path& path, std::string_view bytes) {
  std::string hash = ContentHash(bytes);
  std::ifstream sum(path.string() + ".xxh128");
  std::string expected;
  if (sum >> expected && expected != hash) {
    throw Error(ErrorCode::kCorrupt, path.string() + ": does not match its checksum (" + expected +
                                         "); it is damaged: run tools/fetch-models.sh to get it again");
  }
  return hash;
}

}  // namespace fovea
