// Refuses a model before it is read that the machine has no memory for: reading it would end in
// swapping, or in the system killing the process.

#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace fovea {

// Bytes that can still be taken without swapping: MemAvailable of `meminfo`, and at most the limit
// in `control_group`
// ("max": none). Nothing if neither file can be read.
std::optional<std::uint64_t> AvailableMemory(
    const std::filesystem::path& meminfo = "/proc/meminfo",
    const std::filesystem::path& control_group = "/sys/fs/cgroup/memory.max");

// Throws Error(kUnsupported) that names the file and both sizes if `needed` bytes are more than
// `available`.
void CheckFitsInMemory(const std::string& file, std::uint64_t needed,
                       std::optional<std::uint64_t> available);

}  // namespace fovea
