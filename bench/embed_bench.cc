// Tokenises and embeds one text a line, as bench/peers/embed_onnxruntime.py does, in f32 and in
// int8, and prints one line of JSON, with the cosine of each text's two vectors. OUT.npy receives
// those of f32.
//
// usage: embed_bench MODEL_DIR TEXTS THREADS [OUT.npy]

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bench/run_main.h"
#include "lib/base/file.h"
#include "lib/base/thread_pool.h"
#include "lib/kernels/isa.h"
#include "lib/nn/encoder.h"
#include "tools/npy.h"
#include "tools/text_lines.h"

namespace fovea {
namespace {

constexpr std::size_t kWarmUpTexts = 64;
constexpr int kQuestions = 200;
constexpr std::string_view kQuestion = "When was the first railway bridge over the river opened?";

double SecondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

struct Embedded {
  Matrix vectors;
  std::size_t tokens = 0;
};

Embedded EmbedAll(const Encoder& encoder, std::span<const std::string_view> texts,
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

// Adds the figures of `precision` to `json`, whose keys begin with its name.
Matrix Measure(Precision precision, const char* model, const std::vector<std::string_view>& texts,
               ThreadPool& pool, nlohmann::json* json) {
  const std::unique_ptr<Encoder> encoder = Encoder::Load(model, &pool, precision);
  EmbedAll(*encoder, std::span(texts).first(std::min(texts.size(), kWarmUpTexts)), pool);
  const auto start = std::chrono::steady_clock::now();
  Embedded embedded = EmbedAll(*encoder, texts, pool);
  const double seconds = SecondsSince(start);
  const std::string name(Name(precision));
  (*json)[name + "_texts_per_s"] = static_cast<double>(texts.size()) / seconds;
  (*json)[name + "_tokens_per_s"] = static_cast<double>(embedded.tokens) / seconds;
  (*json)[name + "_question_ms"] = 1e3 * QuestionSeconds(*encoder, pool);
  return std::move(embedded.vectors);
}

// Of vectors of length 1, row by row.
void AddCosines(const Matrix& a, const Matrix& b, nlohmann::json* json) {
  double sum = 0;
  double least = 1;
  for (std::size_t i = 0; i < a.rows(); ++i) {
    const double cosine =
        std::inner_product(a.row(i).begin(), a.row(i).end(), b.row(i).begin(), 0.0);
    sum += cosine;
    least = std::min(least, cosine);
  }
  (*json)["int8_cosine_mean"] = sum / static_cast<double>(a.rows());
  (*json)["int8_cosine_least"] = least;
}

void Run(int argc, char** argv) {
  const std::string file = ReadFile(argv[2]);
  const std::vector<std::string_view> texts = tools::SplitLines(file);
  ThreadPool pool(std::stoi(argv[3]));
  nlohmann::json json = {{"isa", Name(CurrentIsa())}};
  const Matrix vectors = Measure(Precision::kF32, argv[1], texts, pool, &json);
  AddCosines(vectors, Measure(Precision::kInt8, argv[1], texts, pool, &json), &json);
  std::printf("%s\n", json.dump().c_str());
  if (argc < 5) return;
  tools::NpyWriter writer(argv[4], vectors.cols());
  for (std::size_t i = 0; i < vectors.rows(); ++i) writer.Append(vectors.row(i));
  writer.Finish();
}

}  // namespace
}  // namespace fovea

int main(int argc, char** argv) {
  return fovea::RunMain(argc == 4 || argc == 5, "embed_bench MODEL_DIR TEXTS THREADS [OUT.npy]",
                        [&] { fovea::Run(argc, argv); });
}
