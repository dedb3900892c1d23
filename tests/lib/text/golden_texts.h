// The texts of tests/golden/texts.json and what other implementations made of them.

#pragma once

#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "lib/base/ids.h"

namespace fovea {

inline nlohmann::json ReadGolden(const std::string& name) {
  std::ifstream file(std::string(FOVEA_SOURCE_DIR) + "/tests/golden/" + name);
  return nlohmann::json::parse(file);
}

// A file of little-endian numbers.
template <typename T>
std::vector<T> ReadGoldenNumbers(const std::string& name) {
  std::ifstream file(std::string(FOVEA_SOURCE_DIR) + "/tests/golden/" + name, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  std::vector<T> values(bytes.size() / sizeof(T));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(T));
  return values;
}

struct GoldenText {
  std::string name;
  std::string text;
  bool valid_utf8 = true;
};

inline std::vector<GoldenText> GoldenTexts() {
  std::vector<GoldenText> texts;
  for (const nlohmann::json& entry : ReadGolden("texts.json")) {
    GoldenText golden{entry.at("name"), entry.value("text", ""), !entry.contains("hex")};
    if (entry.contains("repeat")) {
      const std::string piece = entry["repeat"][0];
      for (int times = entry["repeat"][1]; times > 0; --times) golden.text += piece;
    }
    const std::string hex = entry.value("hex", "");
    for (std::size_t i = 0; i < hex.size(); i += 2) {
      golden.text += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
    }
    texts.push_back(golden);
  }
  return texts;
}

// FNV-1a, 64 bits, over the ids as little-endian int32, in hexadecimal; as in
// make_token_goldens.py.
inline std::string HashIds(std::span<const TokenId> ids) {
  std::uint64_t hash = 0xCBF29CE484222325;
  for (const TokenId id : ids) {
    for (int shift = 0; shift < 32; shift += 8) {
      hash = (hash ^ (static_cast<std::uint32_t>(Value(id)) >> shift & 0xFF)) * 0x100000001B3;
    }
  }
  std::string hex;
  for (int shift = 60; shift >= 0; shift -= 4) hex += "0123456789abcdef"[hash >> shift & 15];
  return hex;
}

// In the golden's form: the ids, their count and hash, or the hash alone.
inline nlohmann::json AsGolden(std::span<const TokenId> ids, const nlohmann::json& like) {
  if (like.is_string()) return HashIds(ids);
  if (like.is_object()) return {{"count", ids.size()}, {"fnv", HashIds(ids)}};
  nlohmann::json list = nlohmann::json::array();
  for (const TokenId id : ids) list.push_back(Value(id));
  return list;
}

// Each code point of a block of 256 alone, at a word's begin, at its end, and behind two spaces.
inline std::string BlockText(char32_t block) {
  std::string text;
  for (char32_t c = 256 * block; c < 256 * block + 256; ++c) {
    if (c >= 0xD800 && c <= 0xDFFF) continue;
    std::string character;
    if (c < 0x80) {
      character = {static_cast<char>(c)};
    } else if (c < 0x800) {
      character = {static_cast<char>(0xC0 | c >> 6), static_cast<char>(0x80 | (c & 63))};
    } else if (c < 0x10000) {
      character = {static_cast<char>(0xE0 | c >> 12), static_cast<char>(0x80 | (c >> 6 & 63)),
                   static_cast<char>(0x80 | (c & 63))};
    } else {
      character = {static_cast<char>(0xF0 | c >> 18), static_cast<char>(0x80 | (c >> 12 & 63)),
                   static_cast<char>(0x80 | (c >> 6 & 63)), static_cast<char>(0x80 | (c & 63))};
    }
    text += character + " x" + character + "y  " + character;
  }
  return text;
}

}  // namespace fovea
