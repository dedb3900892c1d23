#include "lib/base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "lib/base/error.h"

namespace fovea {
namespace {

std::function<void(std::string_view)>& Hook() {
  static std::function<void(std::string_view)> hook;
  return hook;
}

[[noreturn]] void Fail(const std::filesystem::path& path, std::string_view what, int error) {
  const bool missing = error == ENOENT || error == ENOTDIR;
  throw Error(missing ? ErrorCode::kNotFound : ErrorCode::kIo,
              path.string() + ": " + std::string(what) + ": " + std::strerror(error));
}

class Descriptor {
 public:
  // A failure names `named`: what the user knows the file as.
  Descriptor(const std::filesystem::path& path, int flags, std::string_view what,
             const std::filesystem::path& named)
      : fd_(open(path.c_str(), flags | O_CLOEXEC, 0666)) {
    if (fd_ < 0) Fail(named, what, errno);
  }
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int get() const { return fd_; }

 private:
  int fd_;
};

void Flush(const std::filesystem::path& path, int flags) {
  const Descriptor file(path, flags, "cannot be opened", path);
  if (fsync(file.get()) != 0) Fail(path, "cannot be flushed to disk", errno);
}

// Writes `temporary`, which is to become `path`.
void WriteAll(const std::filesystem::path& temporary, const std::filesystem::path& path,
              std::span<const std::byte> bytes) {
  const Descriptor file(temporary, O_WRONLY | O_CREAT | O_TRUNC, "cannot be written", path);
  while (!bytes.empty()) {
    const ssize_t written = write(file.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) Fail(path, "cannot be written", errno);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

}  // namespace

void SetFaultHook(std::function<void(std::string_view)> hook) { Hook() = std::move(hook); }

void FaultPoint(std::string_view step) {
  if (Hook()) Hook()(step);
}

std::string ReadFile(const std::filesystem::path& path, std::size_t limit) {
  const Descriptor file(path, O_RDONLY, "cannot be opened", path);
  struct stat status;
  if (fstat(file.get(), &status) != 0) Fail(path, "cannot be read", errno);
  if (S_ISDIR(status.st_mode)) Fail(path, "cannot be read", EISDIR);
  std::string bytes;
  // A file may grow or be a pipe: its size is a hint for the first allocation only.
  std::size_t capacity =
      S_ISREG(status.st_mode) ? static_cast<std::size_t>(status.st_size) + 1 : 65536;
  for (;;) {
    if (bytes.size() > limit || (S_ISREG(status.st_mode) && capacity > limit + 1)) {
      throw Error(ErrorCode::kInvalidArgument, path.string() + ": is larger than the limit of " +
                                                   std::to_string(limit) + " bytes");
    }
    const std::size_t used = bytes.size();
    bytes.resize(std::max(capacity, used + 65536));
    const ssize_t count = read(file.get(), bytes.data() + used, bytes.size() - used);
    const int error = errno;
    bytes.resize(used + (count > 0 ? static_cast<std::size_t>(count) : 0));
    if (count < 0 && error == EINTR) continue;
    if (count < 0) Fail(path, "cannot be read", error);
    if (count == 0) return bytes;
    capacity = bytes.size();
  }
}

void PublishFile(const std::filesystem::path& temporary, const std::filesystem::path& path) {
  FaultPoint("fsync:before");
  Flush(temporary, O_RDONLY);
  FaultPoint("fsync:after");
  FaultPoint("rename:before");
  if (rename(temporary.c_str(), path.c_str()) != 0) Fail(path, "cannot be replaced", errno);
  FaultPoint("rename:after");
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  Flush(folder, O_RDONLY | O_DIRECTORY);
}

void WriteFileAtomically(const std::filesystem::path& path, std::span<const std::byte> bytes) {
  // Threads may write the same file at once.
  static std::atomic<unsigned> number{0};
  std::filesystem::path temporary = path;
  temporary += ".tmp" + std::to_string(getpid()) + "-" + std::to_string(number++);
  try {
    WriteAll(temporary, path, bytes);
    PublishFile(temporary, path);
  } catch (...) {
    std::error_code ignored;
    std::filesystem::remove(temporary, ignored);
    throw;
  }
}

void WriteFileAtomically(const std::filesystem::path& path, std::string_view text) {
  WriteFileAtomically(path, std::as_bytes(std::span(text)));
}

}  // namespace fovea
