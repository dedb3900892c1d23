// Seeded damage to the bytes of a file.

#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <random>
#include <string>

namespace fovea {

// Changes up to four places: a byte, a number of 4 or 8 bytes that is likely to hurt, a piece taken
// out, doubled, or cut off at the end. Most changes fall into the first `head` bytes, where the
// structure is.
inline std::string Mutated(std::string bytes, std::size_t head, std::mt19937& random) {
  const std::uint64_t numbers[] = {
      0,       1,          2,          7,          31,         33,         255,        65536,
      1 << 24, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1ull << 40, 1ull << 62, ~0ull >> 1, ~0ull};
  for (unsigned changes = 1 + random() % 4; changes > 0 && !bytes.empty(); --changes) {
    const std::size_t range = random() % 8 == 0 ? bytes.size() : std::min(head, bytes.size());
    const std::size_t at = random() % range;
    const std::size_t length = std::min<std::size_t>(1 + random() % 24, bytes.size() - at);
    switch (random() % 6) {
      case 0:
        bytes[at] = static_cast<char>(random());
        break;
      case 1:
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << random() % 8));
        break;
      case 2: {
        const std::uint64_t number = numbers[random() % std::size(numbers)];
        std::memcpy(&bytes[at], &number,
                    std::min<std::size_t>(random() % 2 != 0 ? 8 : 4, bytes.size() - at));
        break;
      }
      case 3:
        bytes.erase(at, length);
        break;
      case 4:
        bytes.insert(at, bytes.substr(at, length));
        break;
      default:
        if (random() % 4 == 0) bytes.resize(at);
        break;
    }
  }
  return bytes;
}

}  // namespace fovea
