// A folder of keys and values of prompt prefixes, a file each (docs/formats.md): named by model and
// tokens, checked when read, the least recently used out first.
//
// Derived data: whatever is wrong with a file or the folder, there is no such entry. Processes may
// share the folder; killing one leaves whole files and at most a temporary one, which goes as the
// others do. One thread at a time uses an object.

#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/callbacks.h"
#include "lib/base/ids.h"

namespace fovea {

class PrefixFolder {
 public:
  // The folder need not exist: Put makes it. It keeps at most `max_bytes`, but for what processes
  // write at this instant.
  PrefixFolder(std::filesystem::path folder, std::int64_t max_bytes, LogCallback log);

  // How many tokens the entries of `model` have, each number once, the greatest first.
  std::vector<std::size_t> Lengths(const std::string& model) const;

  // What was put for these tokens, if it is `size` bytes. A file that is damaged is removed, with a
  // warning.
  std::optional<std::vector<std::byte>> Get(const std::string& model,
                                            std::span<const TokenId> tokens, std::size_t size);

  // Keeps the data; the first failure to write is a warning, and nothing is written after it.
  void Put(const std::string& model, std::span<const TokenId> tokens,
           std::span<const std::byte> data);

  // Counts as a use, if the entry is there.
  void Touch(const std::string& model, std::span<const TokenId> tokens) const;
  // Removes an entry that is of no use for the reason given, with a warning.
  void Drop(const std::string& model, std::span<const TokenId> tokens, std::string_view why);

 private:
  std::filesystem::path PathOf(const std::string& model, std::span<const TokenId> tokens) const;
  void Warn(const std::string& what) const;
  void Shrink() const;

  std::filesystem::path folder_;
  std::int64_t max_bytes_;
  LogCallback log_;
  bool writable_ = true;
};

}  // namespace fovea
