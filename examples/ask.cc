// Index a folder and ask a question: ask FOLDER INDEX QUESTION

#include <iostream>

#include "generator/pipeline.h"
#include "lib/base/error.h"
#include "lib/base/thread_pool.h"
#include "lib/nn/model_path.h"
#include "retriever/indexer.h"

namespace {

void Index(const char* folder, const char* index) {
  const auto models = fovea::DefaultModelsFolder();
  const auto encoder = fovea::Encoder::Load(fovea::ResolveModel(models, fovea::kDefaultEmbedder));
  const auto store = fovea::Store::Open(index, fovea::Store::Mode::kWrite);
  fovea::ThreadPool pool;
  fovea::Indexer(*store, *encoder, {}, &pool).Add({folder});
}

void Ask(const char* index, const char* question) {
  fovea::Pipeline pipeline({.index = index});
  const fovea::Answer answer = pipeline.Ask(question);
  std::cout << answer.text << '\n';
  for (const fovea::Citation& citation : answer.citations) {
    std::cout << citation.document << ':' << citation.range.begin << ": " << citation.text << '\n';
  }
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 4) {
    std::cerr << "usage: ask FOLDER INDEX QUESTION\n";
    return 2;
  }
  Index(argv[1], argv[2]);
  Ask(argv[2], argv[3]);
} catch (const fovea::Error& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
