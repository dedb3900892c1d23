// Throughput of the tokenizers on one thread: MB of text a second.
//
// usage: tokenize_bench [--benchmark_…]; FOVEA_BENCH_TEXT names a text file, else made-up English
// is used.

#include <benchmark/benchmark.h>

#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "lib/base/file.h"
#include "lib/nn/gguf.h"
#include "lib/nn/model_path.h"
#include "lib/text/bpe.h"
#include "lib/text/sentences.h"
#include "lib/text/utf8.h"
#include "lib/text/wordpiece.h"

namespace fovea {
namespace {

const std::string& Text() {
  static const std::string text = [] {
    if (const char* path = std::getenv("FOVEA_BENCH_TEXT")) return RepairUtf8(ReadFile(path));
    const std::vector<std::string> words = {"the",         "database",  "of",        "a",
                                            "transaction", "is",        "committed", "when",
                                            "Every",       "statement", "in",        "tokenization",
                                            "SQLite",      "returns",   "index"};
    std::mt19937 random(1);
    std::string made;
    while (made.size() < 4000000)
      made += words[random() % words.size()] + (random() % 12 == 0 ? ". " : " ");
    return made;
  }();
  return text;
}

void Report(benchmark::State& state) {
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) *
                          static_cast<std::int64_t>(Text().size()));
}

void WordPieceEncodeIds(benchmark::State& state) {
  const auto tokenizer = WordPiece::Load(ResolveModel(DefaultModelsFolder(), kDefaultEmbedder));
  for (auto _ : state) benchmark::DoNotOptimize(tokenizer->EncodeIds(Text()));
  Report(state);
}
BENCHMARK(WordPieceEncodeIds)->Unit(benchmark::kMillisecond);

void WordPieceEncode(benchmark::State& state) {
  const auto tokenizer = WordPiece::Load(ResolveModel(DefaultModelsFolder(), kDefaultEmbedder));
  for (auto _ : state) benchmark::DoNotOptimize(tokenizer->Encode(Text()));
  Report(state);
}
BENCHMARK(WordPieceEncode)->Unit(benchmark::kMillisecond);

void BpeEncodeIds(benchmark::State& state) {
  const GgufFile file(ResolveModel(DefaultModelsFolder(), kDefaultGenerator));
  BpeModel model;
  model.tokens = std::get<std::vector<std::string>>(file.metadata().at("tokenizer.ggml.tokens"));
  model.merges = std::get<std::vector<std::string>>(file.metadata().at("tokenizer.ggml.merges"));
  model.pre = file.String("tokenizer.ggml.pre");
  const Bpe tokenizer(std::move(model));
  for (auto _ : state) benchmark::DoNotOptimize(tokenizer.EncodeIds(Text()));
  Report(state);
}
BENCHMARK(BpeEncodeIds)->Unit(benchmark::kMillisecond);

void Sentences(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(SplitSentences(Text()));
  Report(state);
}
BENCHMARK(Sentences)->Unit(benchmark::kMillisecond);

void WordPieceLoad(benchmark::State& state) {
  const auto folder = ResolveModel(DefaultModelsFolder(), kDefaultEmbedder);
  for (auto _ : state) benchmark::DoNotOptimize(WordPiece::Load(folder));
}
BENCHMARK(WordPieceLoad)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace fovea

BENCHMARK_MAIN();
