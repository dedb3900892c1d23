// How far the fast decoder's next-token distributions are from those of its f32 forward pass:
// teacher-forced over a text in windows of 512 tokens, each read from an empty cache. Prints one
// line of JSON: KL(f32 ‖ fast) in nat and the share of positions whose likeliest token is the same.
//
// usage: decoder_quality MODEL.gguf TEXT THREADS [--tokens 2000]

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bench/run_main.h"
#include "lib/base/error.h"
#include "lib/base/file.h"
#include "lib/base/thread_pool.h"
#include "lib/kernels/isa.h"
#include "lib/nn/decoder.h"
#include "lib/nn/logits.h"

namespace fovea {
namespace {

constexpr std::size_t kWindow = 512;  // tokens

// Σ p log(p / q), p = softmax(exact), q = softmax(fast).
double Divergence(std::span<const float> exact, std::span<const float> fast) {
  const double exact_sum = LogSumExp(exact);
  const double fast_sum = LogSumExp(fast);
  double divergence = 0;
  for (std::size_t v = 0; v < exact.size(); ++v) {
    const double log_p = exact[v] - exact_sum;
    divergence += std::exp(log_p) * (log_p - (fast[v] - fast_sum));
  }
  return divergence;
}

std::ptrdiff_t Top(std::span<const float> logits) {
  return std::max_element(logits.begin(), logits.end()) - logits.begin();
}

struct Quality {
  std::size_t positions = 0;
  std::size_t same_top = 0;
  double sum = 0;      // of divergences, nat
  double largest = 0;  // nat

  void Add(std::span<const float> exact, std::span<const float> fast) {
    const double divergence = Divergence(exact, fast);
    ++positions;
    same_top += Top(exact) == Top(fast) ? 1 : 0;
    sum += divergence;
    largest = std::max(largest, divergence);
  }
};

Quality Compare(const Decoder& exact, const Decoder& fast, std::span<const TokenId> tokens,
                ThreadPool& pool) {
  const std::size_t window = std::min(kWindow, static_cast<std::size_t>(exact.config().context));
  Quality quality;
  for (std::size_t begin = 0; begin < tokens.size(); begin += window) {
    const auto piece = tokens.subspan(begin, std::min(window, tokens.size() - begin));
    KvCache exact_cache;
    KvCache fast_cache;
    const Matrix exact_logits = exact.ForwardAll(exact_cache, piece, &pool);
    const Matrix fast_logits = fast.ForwardAll(fast_cache, piece, &pool);
    for (std::size_t t = 0; t < piece.size(); ++t)
      quality.Add(exact_logits.row(t), fast_logits.row(t));
  }
  return quality;
}

void Run(char** argv, std::size_t count) {
  ThreadPool pool(std::stoi(argv[3]));
  const auto exact = Decoder::Load(argv[1], {.precision = DecoderPrecision::kF32, .pool = &pool});
  const auto fast = Decoder::Load(argv[1], {.precision = DecoderPrecision::kFast, .pool = &pool});
  std::vector<TokenId> tokens = exact->tokenizer().EncodeIds(ReadFile(argv[2]));
  if (tokens.size() < count) {
    throw Error(ErrorCode::kInvalidArgument,
                std::string(argv[2]) + ": " + std::to_string(tokens.size()) + " tokens, not " +
                    std::to_string(count) + "; give a longer text or fewer --tokens");
  }
  tokens.resize(count);
  const Quality quality = Compare(*exact, *fast, tokens, pool);
  const auto positions = static_cast<double>(quality.positions);
  const nlohmann::json json = {{"tokens", quality.positions},
                               {"kl_mean", quality.sum / positions},
                               {"kl_max", quality.largest},
                               {"same_top", static_cast<double>(quality.same_top) / positions},
                               {"isa", Name(CurrentIsa())}};
  std::printf("%s\n", json.dump().c_str());
}

}  // namespace
}  // namespace fovea

int main(int argc, char** argv) {
  const bool counted = argc == 6 && std::string_view(argv[4]) == "--tokens";
  return fovea::RunMain(argc == 4 || counted,
                        "decoder_quality MODEL.gguf TEXT THREADS [--tokens 2000]",
                        [&] { fovea::Run(argv, counted ? std::stoul(argv[5]) : 2000); });
}
