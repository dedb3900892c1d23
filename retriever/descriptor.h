// An open file, read and written at given places. Internal to retriever/vector_*.cc.

#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

namespace fovea {

class Descriptor {
 public:
  enum class Mode { kRead, kCreate };  // kCreate: empties a file that exists; reads as well

  // Throws Error(kNotFound | kIo) that names the file, as all below.
  Descriptor(const std::filesystem::path& path, Mode mode);
  ~Descriptor();
  Descriptor(Descriptor&& other) noexcept;
  Descriptor& operator=(Descriptor&&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::uint64_t Size() const;  // bytes; Error(kIo) too if it is no regular file
  // All of `bytes`. The file ending before is Error(kIo). Safe from several threads.
  void ReadAt(std::uint64_t offset, std::span<std::byte> bytes) const;
  void WriteAt(std::uint64_t offset, std::span<const std::byte> bytes);

 private:
  [[noreturn]] void Fail(const char* what, int error) const;

  std::filesystem::path path_;
  int descriptor_;
};

}  // namespace fovea
