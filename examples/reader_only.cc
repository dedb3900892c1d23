// The reader alone, over passages given as strings: reader_only QUESTION PASSAGE…
//
// Needs fovea::lib and nothing else: no index, no SQLite, no FAISS.

#include <iostream>
#include <memory>
#include <vector>

#include "lib/base/error.h"
#include "lib/base/thread_pool.h"
#include "lib/nn/model_path.h"
#include "lib/reader/cross_attention_reader.h"
#include "lib/reader/embedding_reader.h"
#include "lib/reader/reader_path.h"

namespace {

// The learned reader where its weights are found, else the embedder's.
std::unique_ptr<fovea::Reader> Load(const fovea::Encoder& encoder) {
  if (const auto weights = fovea::FindReaderFile())
    return std::make_unique<fovea::CrossAttentionReader>(*weights, encoder);
  return std::make_unique<fovea::EmbeddingReader>(encoder);
}

void Read(const char* question, const std::vector<fovea::Passage>& passages) {
  fovea::ThreadPool pool;
  const auto encoder = fovea::Encoder::Load(
      fovea::ResolveModel(fovea::DefaultModelsFolder(), fovea::kDefaultEmbedder), &pool);
  std::vector<fovea::ReaderInput> inputs;
  for (const fovea::Passage& passage : passages)
    inputs.push_back({&passage, std::nullopt, std::nullopt});
  const fovea::Reading reading = Load(*encoder)->Read(question, inputs, &pool);
  for (std::size_t p = 0; p < passages.size(); ++p)
    std::cout << "passage " << p + 1 << " weighs " << reading.passages[p].weight << '\n';
  std::cout << "none of these: " << reading.none_weight << '\n';
  if (reading.spans.empty()) return;
  const fovea::AnswerSpan& best = reading.spans.front();
  std::cout << "answer: " << fovea::Slice(passages[best.passage].text, best.range) << '\n';
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 3) {
    std::cerr << "usage: reader_only QUESTION PASSAGE…\n";
    return 2;
  }
  std::vector<fovea::Passage> passages(static_cast<std::size_t>(argc) - 2);
  for (std::size_t p = 0; p < passages.size(); ++p) passages[p].text = argv[p + 2];
  Read(argv[1], passages);
} catch (const fovea::Error& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
