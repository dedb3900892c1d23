#include "retriever/descriptor.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "lib/base/error.h"

namespace fovea {

Descriptor::Descriptor(const std::filesystem::path& path, Mode mode)
    : path_(path),
      descriptor_(open(path.c_str(),
                       (mode == Mode::kRead ? O_RDONLY : O_RDWR | O_CREAT | O_TRUNC) | O_CLOEXEC,
                       0666)) {
  if (descriptor_ < 0) Fail(mode == Mode::kRead ? "cannot be read" : "cannot be written", errno);
}

Descriptor::~Descriptor() {
  if (descriptor_ >= 0) close(descriptor_);
}

Descriptor::Descriptor(Descriptor&& other) noexcept
    : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

void Descriptor::Fail(const char* what, int error) const {
  const bool full = error == ENOSPC || error == EFBIG || error == EDQUOT;
  throw Error(
      error == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo,
      path_.string() + ": " + what + ": " + std::strerror(error) +
          (full ? "; free some space and run the command again: what was committed is kept" : ""));
}

std::uint64_t Descriptor::Size() const {
  struct stat status;
  if (fstat(descriptor_, &status) != 0) Fail("cannot be read", errno);
  if (!S_ISREG(status.st_mode)) Fail("cannot be read", S_ISDIR(status.st_mode) ? EISDIR : EINVAL);
  return static_cast<std::uint64_t>(status.st_size);
}

void Descriptor::ReadAt(std::uint64_t offset, std::span<std::byte> bytes) const {
  while (!bytes.empty()) {
    const ssize_t count =
        pread(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) Fail("cannot be read", errno);
    if (count == 0) {
      throw Error(ErrorCode::kIo, path_.string() + ": ends before byte " + std::to_string(offset));
    }
    bytes = bytes.subspan(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
}

void Descriptor::WriteAt(std::uint64_t offset, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count =
        pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) Fail("cannot be written", errno);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
}

}  // namespace fovea
