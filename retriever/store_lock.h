// One writer a folder: a lock on the file `lock` that the operating system drops with the process
// that holds it.
//
// Internal to retriever/.

#pragma once

#include <filesystem>
#include <optional>

namespace fovea {

class StoreLock {
 public:
  // The writer's: makes the file and writes the process id into it. Throws Error(kBusy) "FOLDER is
  // being indexed by process N".
  static StoreLock Exclusive(const std::filesystem::path& folder);
  // Of a reader that cannot use SQLite's own locks because it may not write to the folder: keeps
  // writers away meanwhile. Nothing is locked where there is no lock file. Throws Error(kBusy)
  // while a writer is at work.
  static StoreLock Shared(const std::filesystem::path& folder);

  ~StoreLock();
  StoreLock(StoreLock&& other) noexcept;
  StoreLock& operator=(StoreLock&& other) noexcept;

 private:
  explicit StoreLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_ = -1;
};

}  // namespace fovea
