// Strings to ids without allocation: an open-addressing table whose hash grows byte by byte, so
// that all prefixes of a word are looked up in one pass. Internal to lib/text.

#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace fovea {

// Immutable after the last Insert. Keeps views: the strings must outlive it.
class PieceTable {
 public:
  static constexpr std::int32_t kNone = -1;

  // FNV-1a, 64 bits.
  static constexpr std::uint64_t kSeed = 0xCBF29CE484222325;
  static constexpr std::uint64_t Extend(std::uint64_t hash, char byte) {
    return (hash ^ static_cast<unsigned char>(byte)) * 0x100000001B3;
  }

  explicit PieceTable(std::size_t pieces) : slots_(std::bit_ceil(2 * pieces + 2)) {}

  // A piece inserted twice keeps the last id.
  void Insert(std::string_view piece, std::int32_t id) {
    std::uint64_t hash = kSeed;
    for (const char c : piece) hash = Extend(hash, c);
    Slot& slot = slots_[Place(hash, piece)];
    slot = {piece.data(), static_cast<std::uint32_t>(piece.size()), id,
            static_cast<std::uint32_t>(hash >> 32)};
    longest_ = piece.size() > longest_ ? piece.size() : longest_;
  }

  // `hash` is that of `piece`.
  std::int32_t Find(std::uint64_t hash, std::string_view piece) const {
    return slots_[Place(hash, piece)].id;
  }

  std::int32_t Find(std::string_view piece) const {
    std::uint64_t hash = kSeed;
    for (const char c : piece) hash = Extend(hash, c);
    return Find(hash, piece);
  }

  std::size_t longest() const { return longest_; }

 private:
  struct Slot {
    const char* data = nullptr;
    std::uint32_t size = 0;
    std::int32_t id = kNone;
    std::uint32_t check = 0;  // Upper half of the hash.
  };

  // Of `piece`, or the empty slot where it belongs.
  std::size_t Place(std::uint64_t hash, std::string_view piece) const {
    const std::size_t mask = slots_.size() - 1;
    const auto check = static_cast<std::uint32_t>(hash >> 32);
    std::size_t at = (hash ^ hash >> 32) & mask;
    while (slots_[at].id != kNone &&
           (slots_[at].check != check ||
            std::string_view(slots_[at].data, slots_[at].size) != piece)) {
      at = (at + 1) & mask;
    }
    return at;
  }

  std::vector<Slot> slots_;
  std::size_t longest_ = 0;
};

}  // namespace fovea
