// Prefill of 512 tokens, decoding of 128 after them, and the first token where the prompt's first
// 96 are cached, as bench/peers/generate_llama.py does; and decoding's share of the memory
// bandwidth that is measured just before. Prints one line of JSON.
//
// usage: generate_bench MODEL.gguf THREADS

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <limits>
#include <nlohmann/json.hpp>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "bench/bandwidth.h"
#include "bench/run_main.h"
#include "generator/generate.h"
#include "generator/prefix_cache.h"
#include "lib/base/thread_pool.h"
#include "lib/kernels/isa.h"
#include "lib/nn/decoder.h"
#include "lib/nn/gguf.h"

namespace fovea {
namespace {

constexpr int kRuns = 3;
constexpr std::size_t kPromptTokens = 512;
constexpr std::size_t kFixedTokens = 96;  // of the prompt
constexpr int kDecodedTokens = 128;
constexpr double kHalfBytes = 2;  // of a key's or value's number

double SecondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double TokensPerSecond(std::size_t tokens, std::chrono::steady_clock::time_point start) {
  return static_cast<double>(tokens) / SecondsSince(start);
}

// From a prompt, the first of whose tokens are in the cache, to the first token after it.
double FirstTokenSeconds(const Decoder& decoder, std::span<const TokenId> prompt,
                         ThreadPool& pool) {
  PrefixCache prefixes({});
  GenerateOptions options;
  options.max_tokens = 1;
  options.fixed_tokens = kFixedTokens;
  options.prefixes = &prefixes;
  Generate(decoder, prompt, options, &pool);
  double best = std::numeric_limits<double>::infinity();
  for (int run = 0; run < kRuns; ++run) {
    const auto start = std::chrono::steady_clock::now();
    Generate(decoder, prompt, options, &pool);
    best = std::min(best, SecondsSince(start));
  }
  return best;
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
                               {"first_token_ms", 1e3 * FirstTokenSeconds(*decoder, prompt, pool)},
                               {"bandwidth_share", decode * bytes / bandwidth},
                               {"isa", Name(CurrentIsa())}};
  std::printf("%s\n", json.dump().c_str());
}

}  // namespace
}  // namespace fovea

int main(int argc, char** argv) {
  return fovea::RunMain(argc == 3, "generate_bench MODEL.gguf THREADS", [&] { fovea::Run(argv); });
}
