// Tokenises and embeds one text a line, as bench/peers/embed_onnxruntime.py does, and prints one
// line of JSON.
//
// usage: embed_bench MODEL_DIR TEXTS THREADS [OUT.npy]

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/file.h"
#include "lib/base/thread_pool.h"
#include "lib/kernels/isa.h"
#include "lib/nn/encoder.h"
#include "tools/npy.h"
#include "tools/text_lines.h"

namespace fovea {
namespace {

constexpr int kRuns = 3;
constexpr int kQuestions = 200;
constexpr std::string_view kQuestion = "When was the first railway bridge over the river opened?";

double SecondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

struct Embedded {
  Matrix vectors;
  std::size_t tokens = 0;
};

Embedded EmbedAll(const Encoder& encoder, const std::vector<std::string_view>& texts,
                  ThreadPool& pool) {
  std::vector<std::vector<TokenId>> sequences(texts.size());
  pool.ParallelFor(texts.size(), 16, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) sequences[i] = encoder.Tokenize(texts[i]);
  });
  Embedded embedded{encoder.Embed(sequences, &pool), 0};
  for (const auto& sequence : sequences) embedded.tokens += sequence.size();
  return embedded;
}

// The middle one of many: what somebody who asks one question waits for the embedder.
double QuestionSeconds(const Encoder& encoder, ThreadPool& pool) {
  std::vector<double> seconds;
  for (int i = 0; i < kQuestions; ++i) {
    const auto start = std::chrono::steady_clock::now();
    const std::vector<TokenId> tokens = encoder.Tokenize(kQuestion);
    encoder.Embed({&tokens, 1}, &pool);
    seconds.push_back(SecondsSince(start));
  }
  std::nth_element(seconds.begin(), seconds.begin() + kQuestions / 2, seconds.end());
  return seconds[kQuestions / 2];
}

void Run(int argc, char** argv) {
  const std::string file = ReadFile(argv[2]);
  const std::vector<std::string_view> texts = tools::SplitLines(file);
  ThreadPool pool(std::stoi(argv[3]));
  const std::unique_ptr<Encoder> encoder = Encoder::Load(argv[1]);
  Embedded embedded = EmbedAll(*encoder, texts, pool);
  double best = std::numeric_limits<double>::infinity();
  for (int run = 0; run < kRuns; ++run) {
    const auto start = std::chrono::steady_clock::now();
    embedded = EmbedAll(*encoder, texts, pool);
    best = std::min(best, SecondsSince(start));
  }
  const nlohmann::json json = {{"f32_texts_per_s", static_cast<double>(texts.size()) / best},
                               {"f32_tokens_per_s", static_cast<double>(embedded.tokens) / best},
                               {"f32_question_ms", 1e3 * QuestionSeconds(*encoder, pool)},
                               {"isa", Name(CurrentIsa())}};
  std::printf("%s\n", json.dump().c_str());
  if (argc < 5) return;
  tools::NpyWriter writer(argv[4], embedded.vectors.cols());
  for (std::size_t i = 0; i < embedded.vectors.rows(); ++i) writer.Append(embedded.vectors.row(i));
  writer.Finish();
}

}  // namespace
}  // namespace fovea

int main(int argc, char** argv) {
  if (argc < 4 || argc > 5) {
    std::fprintf(stderr, "usage: embed_bench MODEL_DIR TEXTS THREADS [OUT.npy]\n");
    return 2;
  }
  try {
    fovea::Run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
