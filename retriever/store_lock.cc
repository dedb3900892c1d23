#include "retriever/store_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "lib/base/error.h"

namespace fovea {
namespace {

// What the holder wrote; empty in the instant between its locking and its writing.
std::string HolderOf(int descriptor) {
  char digits[32];
  const ssize_t count = pread(descriptor, digits, sizeof digits, 0);
  std::string pid;
  for (ssize_t i = 0; i < count && digits[i] >= '0' && digits[i] <= '9'; ++i) pid += digits[i];
  return pid.empty() ? "another process" : "process " + pid;
}

[[noreturn]] void FailBusy(const std::filesystem::path& folder, int descriptor,
                           std::string_view more) {
  const std::string holder = HolderOf(descriptor);
  close(descriptor);
  throw Error(ErrorCode::kBusy,
              folder.string() + " is being indexed by " + holder + std::string(more));
}

bool Lock(int descriptor, int operation) {
  while (flock(descriptor, operation | LOCK_NB) != 0) {
    if (errno != EINTR) return false;
  }
  return true;
}

}  // namespace

StoreLock StoreLock::Exclusive(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / "lock";
  const int descriptor = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (descriptor < 0) {
    throw Error(ErrorCode::kIo, path.string() + ": cannot be written: " + std::strerror(errno) +
                                    "; check that you may write to the index folder");
  }
  if (!Lock(descriptor, LOCK_EX)) {
    const int error = errno;
    if (error == EWOULDBLOCK && Lock(descriptor, LOCK_SH)) {
      close(descriptor);
      throw Error(ErrorCode::kBusy, folder.string() +
                                        " is being read by a process that may not write to it: try "
                                        "again when it is done");
    }
    if (error == EWOULDBLOCK) FailBusy(folder, descriptor, ": try again when it is done");
    close(descriptor);
    throw Error(ErrorCode::kIo, path.string() + ": cannot be locked: " + std::strerror(error));
  }
  // Only for the message that a second writer shows: a failure here does no harm.
  const std::string pid = std::to_string(getpid()) + "\n";
  if (ftruncate(descriptor, 0) == 0 && pwrite(descriptor, pid.data(), pid.size(), 0) < 0) errno = 0;
  return StoreLock(descriptor);
}

StoreLock StoreLock::Shared(const std::filesystem::path& folder) {
  const int descriptor = open((folder / "lock").c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return StoreLock(-1);
  if (!Lock(descriptor, LOCK_SH) && errno == EWOULDBLOCK) {
    FailBusy(folder, descriptor,
             ", and can be read meanwhile only by those who may write to the folder: try again "
             "when it is done");
  }
  return StoreLock(descriptor);
}

StoreLock::~StoreLock() {
  if (descriptor_ >= 0) close(descriptor_);
}

StoreLock::StoreLock(StoreLock&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)) {}

StoreLock& StoreLock::operator=(StoreLock&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

}  // namespace fovea
