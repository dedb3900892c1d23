// How fast the reader trains: the share of the machine's f32 peak that its matrix products reach,
// one by one, and tokens a second of a whole step (forward, backward, AdamW). Prints Markdown
// tables for FOVEA_ISA.
//
// usage: train_bench [THREADS [EMBEDDER_FOLDER]]

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "bench/limits.h"
#include "bench/random_matrix.h"
#include "bench/run_main.h"
#include "lib/base/thread_pool.h"
#include "lib/kernels/gemm.h"
#include "lib/kernels/isa.h"
#include "lib/nn/encoder.h"
#include "lib/nn/model_path.h"
#include "lib/nn/safetensors.h"
#include "lib/train/adamw.h"
#include "lib/train/reader_network.h"

namespace fovea::bench {
namespace {

constexpr std::size_t kTokens = 6144;  // a pass of the trainer
// Inputs and outputs of a MiniLM layer's products.
constexpr std::size_t kShapes[][2] = {{384, 1152}, {384, 384}, {384, 1536}, {1536, 384}};

// The three products of y = x Wᵀ: y itself, dx = dy W, dW += dyᵀ x.
void Products(int threads, double peak, ThreadPool& pool) {
  double seconds = 0;
  double work = 0;
  for (const auto& [inputs, outputs] : kShapes) {
    const Matrix x = RandomMatrix(kTokens, inputs);
    const Matrix dy = RandomMatrix(kTokens, outputs);
    const Matrix weight = RandomMatrix(outputs, inputs);
    Matrix y(kTokens, outputs), dx(kTokens, inputs), dw(outputs, inputs);
    std::fill_n(dw.data(), outputs * inputs, 0.0f);
    const auto one = static_cast<double>(kTokens * inputs * outputs);
    const auto row = [&](const char* what, const std::function<void()>& body) {
      const double rate = Rate(body);
      seconds += 1 / rate;
      work += one;
      std::printf("| %s, %zu to %zu | %d | %.1f | %.0f %% |\n", what, inputs, outputs, threads,
                  rate * one / 1e9, 100 * rate * one / peak);
    };
    row("forward", [&] { Gemm(x.view(), weight.view(), {.transpose_b = true}, y.view(), &pool); });
    row("dX", [&] { Gemm(dy.view(), weight.view(), {}, dx.view(), &pool); });
    row("dW", [&] {
      Gemm(dy.view(), x.view(), {.transpose_a = true, .accumulate = true}, dw.view(), &pool);
    });
  }
  std::printf("| all | %d | %.1f | %.0f %% |\n", threads, work / seconds / 1e9,
              100 * work / seconds / peak);
}

// Questions of 14 tokens with two passages of 40 to 256, as in training data.
std::vector<ReaderQuestion> RandomQuestions(std::size_t tokens) {
  std::mt19937 random(3);
  const auto sequence = [&](std::size_t length) {
    std::vector<TokenId> ids(length);
    for (TokenId& id : ids) id = TokenId{static_cast<int>(1000 + random() % 20000)};
    return ids;
  };
  std::vector<ReaderQuestion> questions;
  for (std::size_t sum = 0;;) {
    ReaderQuestion question;
    question.tokens = sequence(14);
    for (int p = 0; p < 2; ++p) {
      question.passages.push_back({.tokens = sequence(40 + random() % 216)});
      sum += 14 + question.passages.back().tokens.size();
    }
    if (sum > tokens) return questions;
    question.passages[0].answers = {{5, 7}};
    questions.push_back(std::move(question));
  }
}

struct StepWork {
  double tokens = 0;         // of question and passage together, as the trainer counts
  double multiply_adds = 0;  // of the layers' products, forward and backward
};

StepWork WorkOf(const std::vector<ReaderQuestion>& questions, const ReaderNetworkOptions& options) {
  double a_token = 0;
  for (const auto& [inputs, outputs] : kShapes)
    a_token += 3 * static_cast<double>(inputs * outputs);
  StepWork work;
  double apart = 0;
  for (const ReaderQuestion& question : questions) {
    apart += static_cast<double>(question.tokens.size());
    for (const ReaderPassage& passage : question.passages) {
      apart += static_cast<double>(passage.tokens.size());
      work.tokens += static_cast<double>(question.tokens.size() + passage.tokens.size());
    }
  }
  work.multiply_adds = a_token * (apart * static_cast<double>(options.apart_layers) +
                                  work.tokens * static_cast<double>(options.joint_layers));
  return work;
}

void Step(const std::filesystem::path& folder, int threads, double peak, ThreadPool& pool) {
  const std::unique_ptr<Encoder> encoder = Encoder::Load(folder, &pool);
  const SafetensorsFile weights(folder / "model.safetensors");
  ReaderNetwork network(*encoder, weights, {}, 1);
  AdamW optimiser(network.parameters(), {});
  const std::vector<ReaderQuestion> questions = RandomQuestions(kTokens);
  const StepWork work = WorkOf(questions, network.options());
  const double rate = Rate([&] {
    network.ForwardBackward(questions, 1, {.rate = 0.1f, .seed = 5}, &pool);
    optimiser.Step(1e-5f, &pool);
  });
  std::printf("| a whole step | %d | %.0f tokens/s | %.0f %% |\n", threads, rate * work.tokens,
              100 * rate * work.multiply_adds / peak);
}

void Run(int threads, const std::filesystem::path& folder) {
  std::printf("FOVEA_ISA=%s\n\n", std::string(Name(CurrentIsa())).c_str());
  std::printf(
      "| product of %zu tokens | threads | 10⁹ multiply-adds/s | share of peak |\n"
      "|---|---|---|---|\n",
      kTokens);
  std::vector<int> counts = {1};
  if (threads > 1) counts.push_back(threads);
  for (const int count : counts) {
    ThreadPool pool(count);
    const double peak = F32Loop() == nullptr ? 0 : Peak(F32Loop(), pool);
    std::printf("| in registers | %d | %.1f | |\n", count, peak / 1e9);
    Products(count, peak, pool);
    Step(folder, count, peak, pool);
  }
}

}  // namespace
}  // namespace fovea::bench

int main(int argc, char** argv) {
  return fovea::RunMain(argc <= 3, "train_bench [THREADS [EMBEDDER_FOLDER]]", [&] {
    fovea::bench::Run(argc > 1 ? std::stoi(argv[1]) : 2,
                      argc > 2 ? std::filesystem::path(argv[2])
                               : fovea::DefaultModelsFolder() / fovea::kDefaultEmbedder);
  });
}
