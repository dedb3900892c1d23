#include "lib/nn/memory_limit.h"

#include <algorithm>
#include <fstream>
#include <string_view>

#include "lib/base/error.h"

namespace fovea {
namespace {

std::optional<std::uint64_t> ReadMemAvailable(const std::filesystem::path& meminfo) {
  std::ifstream file(meminfo);
  for (std::string line; std::getline(file, line);) {
    constexpr std::string_view kKey = "MemAvailable:";
    if (line.compare(0, kKey.size(), kKey) != 0) continue;
    const std::size_t digits = line.find_first_of("0123456789");
    if (digits == std::string::npos || line.size() - digits > 18 + 3) return std::nullopt;
    return std::stoull(line.substr(digits)) * 1024;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> ReadLimit(const std::filesystem::path& control_group) {
  std::ifstream file(control_group);
  std::uint64_t bytes = 0;
  if (file >> bytes) return bytes;
  return std::nullopt;  // "max", or no such file.
}

std::string Megabytes(std::uint64_t bytes) { return std::to_string((bytes + 999'999) / 1'000'000); }

}  // namespace

std::optional<std::uint64_t> AvailableMemory(const std::filesystem::path& meminfo,
                                             const std::filesystem::path& control_group) {
  const auto available = ReadMemAvailable(meminfo);
  const auto limit = ReadLimit(control_group);
  if (available && limit) return std::min(*available, *limit);
  return available ? available : limit;
}

void CheckFitsInMemory(const std::string& file, std::uint64_t needed,
                       std::optional<std::uint64_t> available) {
  if (!available || needed <= *available) return;
  throw Error(ErrorCode::kUnsupported,
              file + ": the weights need " + Megabytes(needed) + " MB of memory, " +
                  Megabytes(*available) +
                  " MB are available: use a smaller model or one of fewer bits a weight");
}

}  // namespace fovea
