// Reading eight passages of 160 tokens with the learned reader, their states kept and not; prints
// one line of JSON. Passages are the first lines of the text that have as many tokens, cut there.
//
// usage: reader_bench EMBEDDER_FOLDER READER.safetensors PARAGRAPHS.txt THREADS

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "bench/run_main.h"
#include "lib/base/error.h"
#include "lib/base/file.h"
#include "lib/base/thread_pool.h"
#include "lib/kernels/isa.h"
#include "lib/reader/cross_attention_reader.h"
#include "retriever/state_cache.h"
#include "tools/temporary_index.h"

namespace fovea {
namespace {

constexpr std::size_t kPassages = 8;
constexpr std::size_t kTokens = 160;  // [CLS] and [SEP] counted
constexpr int kRounds = 20;
constexpr const char* kQuestion = "When was the first of these finished, and who was there?";

std::vector<Passage> FirstPassages(const WordPiece& tokenizer, const std::string& file) {
  std::vector<Passage> passages;
  std::istringstream lines(ReadFile(file));
  for (std::string line; passages.size() < kPassages && std::getline(lines, line);) {
    const Encoding encoding = tokenizer.Encode(line);
    if (encoding.ids.size() < kTokens) continue;
    passages.emplace_back().text = line.substr(0, encoding.ranges[kTokens - 2].end);
  }
  if (passages.size() < kPassages)
    throw Error(ErrorCode::kInvalidArgument, file + ": has fewer than eight long paragraphs");
  return passages;
}

double BestSeconds(const Reader& reader, std::span<const ReaderInput> inputs, ThreadPool& pool) {
  double best = std::numeric_limits<double>::infinity();
  for (int round = 0; round < kRounds; ++round) {
    const auto start = std::chrono::steady_clock::now();
    reader.Read(kQuestion, inputs, &pool);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    best = std::min(best, seconds.count());
  }
  return best;
}

void Run(const std::string& embedder, const std::string& weights, const std::string& text,
         int threads) {
  ThreadPool pool(threads);
  const auto encoder = Encoder::Load(embedder, &pool);
  CrossAttentionReader reader(weights, *encoder, &pool);
  const std::vector<Passage> passages = FirstPassages(encoder->tokenizer(), text);
  std::vector<ReaderInput> inputs;
  for (const Passage& passage : passages) inputs.push_back({&passage, 0.5f, 1.0f});
  nlohmann::ordered_json json{{"passages", kPassages}, {"tokens", kTokens}};
  json["seconds"] = BestSeconds(reader, inputs, pool);
  const tools::TemporaryFolder folder;
  const auto cache = OpenStateCache(folder.path(), reader.fingerprint(), kDefaultStateCacheBytes);
  reader.UseCache(cache.get());
  json["seconds_with_states_kept"] = BestSeconds(reader, inputs, pool);
  json["isa"] = Name(CurrentIsa());
  json["threads"] = threads;
  std::printf("%s\n", json.dump().c_str());
}

}  // namespace
}  // namespace fovea

int main(int argc, char** argv) {
  return fovea::RunMain(argc == 5,
                        "reader_bench EMBEDDER_FOLDER READER.safetensors PARAGRAPHS.txt THREADS",
                        [&] { fovea::Run(argv[1], argv[2], argv[3], std::atoi(argv[4])); });
}
