#include "lib/base/hash.h"

#include <gtest/gtest.h>

#include <span>
#include <string>
#include <string_view>

namespace fovea {
namespace {

std::string Pattern() {
  std::string bytes;
  for (int i = 0; i < 100000; ++i) bytes += static_cast<char>(i * 7 % 256);
  return bytes;
}

// Expected values were printed by `xxhsum -H2` and `xxhsum -H3`, version 0.8.1.

TEST(ContentHash, EqualsXxhsum) {
  EXPECT_EQ(ContentHash(""), "99aa06d3014798d86001c324468d497f");
  EXPECT_EQ(ContentHash("a"), "a96faf705af16834e6c632b61e964e1f");
  EXPECT_EQ(ContentHash("abc"), "06b05ab6733a618578af5f94892f3950");
  EXPECT_EQ(ContentHash("The quick brown fox jumps over the lazy dog"),
            "ddd650205ca3e7fa24a1cc2e3a8a7651");
  EXPECT_EQ(ContentHash(std::string(1000, '\0')), "3fb94aea6d09b97224c1ea6074dd588c");
  EXPECT_EQ(ContentHash(Pattern()), "4fb78cd2670dad5801271d2740e5fca3");
}

TEST(Checksum64, EqualsXxhsum) {
  const std::string bytes = Pattern();
  EXPECT_EQ(Checksum64(std::as_bytes(std::span(std::string_view("abc")))), 0x78af5f94892f3950u);
  EXPECT_EQ(Checksum64(std::as_bytes(std::span(std::string_view(bytes)))), 0x01271d2740e5fca3u);
}

TEST(ContentHasher, GivesTheSameHashForAnyPieces) {
  const std::string bytes = Pattern();
  for (const std::size_t piece :
       {std::size_t{1}, std::size_t{63}, std::size_t{64}, std::size_t{65537}}) {
    ContentHasher hasher;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      hasher.Update(std::string_view(bytes).substr(at, piece));
    }
    EXPECT_EQ(hasher.Hex(), "4fb78cd2670dad5801271d2740e5fca3") << piece;
  }
}

TEST(ContentHasher, MayBeAskedBetweenPieces) {
  ContentHasher hasher;
  EXPECT_EQ(hasher.Hex(), "99aa06d3014798d86001c324468d497f");
  hasher.Update("a");
  EXPECT_EQ(hasher.Hex(), "a96faf705af16834e6c632b61e964e1f");
  hasher.Update("bc");
  EXPECT_EQ(hasher.Hex(), "06b05ab6733a618578af5f94892f3950");
}

}  // namespace
}  // namespace fovea
