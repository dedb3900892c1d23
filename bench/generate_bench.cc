// Prefill of 512 tokens and decoding of 128 after them, as bench/peers/generate_llama.py does, and
// decoding's share of the memory bandwidth that is measured just before; prints one line of JSON.
//
// usage: generate_bench MODEL.gguf THREADS

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "bench/bandwidth.h"
#include "bench/run_main.h"
#include "lib/base/thread_pool.h"
#include "lib/kernels/isa.h"
#include "lib/nn/decoder.h"
#include "lib/nn/gguf.h"

namespace fovea {
namespace {

constexpr int kRuns = 3;
constexpr std::size_t kPromptTokens = 512;
constexpr int kDecodedTokens = 128;
constexpr double kHalfBytes = 2;  // of a key's or value's number

double TokensPerSecond(std::size_t tokens, std::chrono::steady_clock::time_point start) {
  const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
  return static_cast<double>(tokens) / spent.count();
}

// Read for every decoded token: all weights, and the keys and values of the tokens before it.
double BytesAToken(const char* model, const DecoderConfig& config) {
  const GgufFile file(model);
  double bytes = 0;
  for (const auto& [name, tensor] : file.tensors())
    bytes += static_cast<double>(tensor.data.size());
  const double tokens = kPromptTokens + kDecodedTokens / 2.0;
  return bytes + tokens * 2 * config.layers * config.kv_heads * config.head_width * kHalfBytes;
}

void Run(char** argv) {
  ThreadPool pool(std::stoi(argv[2]));
  const std::unique_ptr<Decoder> decoder = Decoder::Load(argv[1]);
  std::mt19937 random(1);
  std::vector<TokenId> prompt;
  for (std::size_t i = 0; i < kPromptTokens; ++i)
    prompt.push_back(TokenId{static_cast<std::int32_t>(1000 + random() % 39000)});
  const double bandwidth = bench::Bandwidth(pool);
  double prefill = 0;
  double decode = 0;
  for (int run = 0; run < kRuns; ++run) {
    KvCache cache;
    auto start = std::chrono::steady_clock::now();
    decoder->Forward(cache, prompt, &pool);
    prefill = std::max(prefill, TokensPerSecond(kPromptTokens, start));
    // Any tokens do: which they are changes nothing in the work.
    start = std::chrono::steady_clock::now();
    for (std::size_t i = 0; i < kDecodedTokens; ++i)
      decoder->Forward(cache, std::span(prompt).subspan(i, 1), &pool);
    decode = std::max(decode, TokensPerSecond(kDecodedTokens, start));
  }
  const double bytes = BytesAToken(argv[1], decoder->config());
  const nlohmann::json json = {{"prefill_tokens_per_s", prefill},
                               {"decode_tokens_per_s", decode},
                               {"bandwidth_share", decode * bytes / bandwidth},
                               {"isa", Name(CurrentIsa())}};
  std::printf("%s\n", json.dump().c_str());
}

}  // namespace
}  // namespace fovea

int main(int argc, char** argv) {
  return fovea::RunMain(argc == 3, "generate_bench MODEL.gguf THREADS", [&] { fovea::Run(argv); });
}
