// Content fingerprints: XXH3, 128 bits (not cryptographic: where a stranger's file could be made to collide,
// the contents are compared as well).

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace fovea {

// 32 lower-case hexadecimal digits, the canonical big-endian form that `xxhsum -H2` prints.
std::string ContentHash(std::string_view bytes);

// 64-bit checksum (XXH3) for our own file formats.
std::uint64_t Checksum64(std::span<const std::byte> bytes);

// The same hash over bytes that arrive in pieces.
class ContentHasher {
 public:
  ContentHasher();
  ~ContentHasher();
  ContentHasher(const ContentHasher&) = delete;
  ContentHasher& operator=(const ContentHasher&) = delete;

  void Update(std::string_view bytes);
  // Equals ContentHash of everything given to Update so far.
  std::string Hex() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace fovea
