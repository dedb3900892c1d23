// Small documents with made-up unit vectors for the tests of the store and the vector index.

#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "lib/text/document.h"
#include "retriever/store.h"

namespace fovea::test {

inline constexpr int kDimensions = 16;

inline IndexSettings Settings(int dimensions = kDimensions) {
  return {.embedder = "test-embedder",
          .embedder_fingerprint = "0123",
          .precision = "f32",
          .dimensions = dimensions,
          .chunk_tokens = 100,
          .chunk_overlap = 10};
}

inline std::vector<float> UnitVector(std::uint64_t seed, int dimensions = kDimensions) {
  std::mt19937_64 random(seed * 2 + 1);
  std::normal_distribution<double> normal;
  std::vector<double> values(static_cast<std::size_t>(dimensions));
  double square = 0;
  for (double& x : values) {
    x = normal(random);
    square += x * x;
  }
  std::vector<float> vector;
  for (const double x : values) vector.push_back(static_cast<float>(x / std::sqrt(square)));
  return vector;
}

// A document cut into chunks of `chunk_bytes`; chunk i has UnitVector(seed + i).
struct TestDocument {
  Document document;
  std::vector<Chunk> chunks;
  std::vector<std::vector<float>> vectors;

  std::vector<NewChunk> NewChunks() const {
    std::vector<NewChunk> list;
    for (std::size_t i = 0; i < chunks.size(); ++i) {
      list.push_back({.chunk = chunks[i], .vector = vectors[i]});
    }
    return list;
  }
};

inline TestDocument MakeDocument(const std::string& name, const std::string& text,
                                 std::uint64_t seed = 1, std::size_t chunk_bytes = 40,
                                 int dimensions = kDimensions) {
  TestDocument made;
  made.document.name = name;
  made.document.title = std::string("Title of ").append(name);
  made.document.text = text;
  for (std::size_t at = 0; at < text.size(); at += chunk_bytes) {
    const std::size_t end = std::min(text.size(), at + chunk_bytes);
    made.chunks.push_back({.range = {at, end}, .heading = "Part", .tokens = 7});
    made.vectors.push_back(UnitVector(seed + made.vectors.size(), dimensions));
  }
  return made;
}

// Adds the document with a source of the same name, inside the open transaction.
inline DocumentId Add(Store& store, const TestDocument& made) {
  store.PutSource({.path = made.document.name,
                   .content_hash = std::string("hash of ").append(made.document.name),
                   .size = static_cast<std::int64_t>(made.document.text.size()),
                   .modified_ns = 5});
  return store.AddDocument(made.document, made.document.name, "content", made.NewChunks());
}

// Opens for writing with settings in place.
inline std::unique_ptr<Store> OpenWithSettings(const std::filesystem::path& folder,
                                               int dimensions = kDimensions) {
  auto store = Store::Open(folder, Store::Mode::kWrite);
  if (!store->settings()) {
    store->Begin();
    store->SetSettings(Settings(dimensions));
    store->Commit();
  }
  return store;
}

// `documents` of `chunks_each` chunks, whose vectors differ from those of other seeds.
inline void AddMany(Store& store, int documents, std::uint64_t seed, int chunks_each = 10) {
  store.Begin();
  for (int i = 0; i < documents; ++i) {
    const std::uint64_t first = seed + static_cast<std::uint64_t>(i * chunks_each);
    Add(store,
        MakeDocument(std::to_string(first),
                     std::string(static_cast<std::size_t>(chunks_each) * 10, 'x'), first, 10));
  }
  store.Commit();
}

}  // namespace fovea::test
