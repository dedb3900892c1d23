// Reading whole files, and replacing files so that a crash at any instant leaves the old or the new one.

#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace fovea {

// The file's bytes. Throws Error(kNotFound | kIo), and Error(kInvalidArgument) if it holds more than `limit` bytes.
std::string ReadFile(const std::filesystem::path& path, std::size_t limit = std::size_t{1} << 32);

// Writes to a temporary name in the same folder, flushes it, renames it onto `path`, flushes the folder.
// Throws Error(kIo), the message naming the path and the reason (a full disk, a read-only folder); the
// temporary file is removed then.
void WriteFileAtomically(const std::filesystem::path& path, std::span<const std::byte> bytes);
void WriteFileAtomically(const std::filesystem::path& path, std::string_view text);

// The last step of the above for a temporary file that somebody else has written: fsync(temporary), rename to
// `path`, fsync of the folder.
void PublishFile(const std::filesystem::path& temporary, const std::filesystem::path& path);

// Tests set this to fail or die right before and after each step that must be atomic ("fsync", "rename",
// "sqlite-commit", each with ":before" and ":after"). Empty in production.
void SetFaultHook(std::function<void(std::string_view step)> hook);
// Called at those points; does nothing without a hook.
void FaultPoint(std::string_view step);

}  // namespace fovea
