// Distinct integer types, so that a chunk is never mistaken for a document.

#pragma once

#include <cstdint>

namespace fovea {

// Row ids of SQLite, AUTOINCREMENT and never reused. Valid ids are >= 1.
enum class DocumentId : std::int64_t {};
enum class ChunkId : std::int64_t {};

// Index into a tokenizer's vocabulary, >= 0.
enum class TokenId : std::int32_t {};

constexpr std::int64_t Value(DocumentId id) { return static_cast<std::int64_t>(id); }
constexpr std::int64_t Value(ChunkId id) { return static_cast<std::int64_t>(id); }
constexpr std::int32_t Value(TokenId id) { return static_cast<std::int32_t>(id); }

}  // namespace fovea
