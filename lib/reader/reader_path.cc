#include "lib/reader/reader_path.h"

#include <system_error>
#include <vector>

namespace fovea {
namespace {

namespace fs = std::filesystem;

constexpr const char* kName = "reader.safetensors";

}  // namespace

std::optional<fs::path> FindReaderFile() {
  std::vector<fs::path> candidates;
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  if (!error) candidates.push_back(program.parent_path().parent_path() / "share" / "fovea" / kName);
  candidates.push_back(fs::path(FOVEA_DATA_DIR) / kName);
  for (const fs::path& candidate : candidates) {
    if (fs::exists(candidate, error)) return candidate;
  }
  return std::nullopt;
}

}  // namespace fovea
