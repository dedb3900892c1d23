// A whole file mapped read-only.
//
// Owns the mapping; views into it live as long as the MappedFile. Immutable, shared by threads freely.
// A file that another process truncates while it is mapped raises SIGBUS on access: map only files that
// are replaced by rename (models, vectors files), never a user's documents.

#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>

namespace fovea {

class MappedFile {
 public:
  // Throws Error(kNotFound | kIo) that names the file. An empty file maps to an empty span.
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  std::string_view text() const { return {reinterpret_cast<const char*>(data_), size_}; }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace fovea
