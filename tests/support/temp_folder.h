// A folder that is removed with everything in it at the end of the test.

#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace fovea {

class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  // Writes a file below the folder (parents are made) and gives its path.
  std::filesystem::path Write(const std::string& name, std::string_view text) const;

 private:
  std::filesystem::path path_;
};

}  // namespace fovea
