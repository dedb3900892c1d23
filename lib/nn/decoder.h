// A decoder of the Llama (Touvron et al. 2023) or Qwen2 (Yang et al. 2024) family read from a GGUF
// file: RMSNorm, RoPE, grouped-query attention, SwiGLU, biases where the file has them, KV cache.
//
// A Decoder is immutable and shared by threads; a KvCache belongs to one conversation and one
// thread at a time.

#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lib/attention/key_value_panels.h"
#include "lib/attention/rope.h"
#include "lib/kernels/matrix.h"
#include "lib/text/bpe.h"

namespace fovea {

class ThreadPool;

struct DecoderConfig {
  std::string architecture;  // "llama" or "qwen2"
  int layers = 0;
  int width = 0;
  int heads = 0;
  int kv_heads = 0;
  int head_width = 0;
  int feed_forward = 0;
  int vocabulary = 0;
  int context = 0;  // tokens
  float epsilon = 1e-5f;
  RopeOptions rope;
  std::string chat_template;  // Jinja text as in the file, "" if there is none.
  TokenId bos{-1};            // −1: none
  TokenId eos{-1};
};

// Keys and values of the tokens seen so far: per layer Hkv·Dh of each a token, in the precision
// that DecoderOptions::cache asks for. Grows as needed up to the model's context.
class KvCache {
 public:
  KvCache();
  ~KvCache();
  KvCache(KvCache&&) noexcept;
  KvCache& operator=(KvCache&&) noexcept;

  std::size_t size() const;  // tokens
  // Forgets the tokens from `size` on. Throws Error(kInvalidArgument) if there are fewer.
  void Truncate(std::size_t size);
  KvCache Clone() const;

  struct State;  // Known to the decoder only.
  State& state() { return *state_; }
  const State& state() const { return *state_; }

 private:
  std::unique_ptr<State> state_;
};

// kFast: products round activations to integers with a scale for every 32 of them, of 8 bits where
// the feed-forward widens (but in the last tenth of the layers) and of 16 elsewhere; next-token
// distributions stay within 0.01 nat of kF32's on average. kF32: activations as they are.
enum class DecoderPrecision { kFast, kF32 };

struct DecoderOptions {
  DecoderPrecision precision = DecoderPrecision::kFast;
  // Of the KvCache. nullopt: halves, but f32 where `precision` is kF32.
  std::optional<KeyValuePrecision> cache = {};
  ThreadPool* pool = nullptr;  // Packs the weights; null: the calling thread does.
};

// A run of tokens that go from one KvCache to another, for Decoder::AppendMoved.
struct MovedTokens {
  std::size_t first = 0;  // in the one that they come from
  std::size_t count = 0;
  std::size_t distance = 0;  // positions that they move on
  float key_scale = 1;  // Multiplies the keys, and with them the logits of who attends to them.
};

class Decoder {
 public:
  // Throws Error(kNotFound | kCorrupt | kUnsupported); other architectures and weight types are
  // refused by name, and a file whose weights would not fit in the machine's free memory with what
  // they need.
  static std::unique_ptr<Decoder> Load(const std::filesystem::path& file,
                                       const DecoderOptions& options = {});
  ~Decoder();

  const DecoderConfig& config() const;
  const Bpe& tokenizer() const;
  const std::string& fingerprint() const;
  const std::string& name() const;
  // What keys and values depend on beside the tokens: the weights, the precisions, and the
  // instruction set in use, which differ in the last bits.
  std::string cache_fingerprint() const;

  // Appends `tokens` to the cache and gives the logits [V] after the last one. tokens must not be
  // empty; Error(kInvalidArgument) if cache and tokens together exceed the context. Equal to
  // feeding the tokens one at a time, bit for bit.
  std::vector<float> Forward(KvCache& cache, std::span<const TokenId> tokens,
                             ThreadPool* pool) const;

  // The same with the logits after each token: [T, V].
  Matrix ForwardAll(KvCache& cache, std::span<const TokenId> tokens, ThreadPool* pool) const;

  // Appends keys and values of tokens that were computed in `source`, the keys turned for their new
  // positions. They keep what they attended to there, so that this is not what Forward gives,
  // unless it was the same tokens. Throws Error(kInvalidArgument) if `source` holds fewer, or
  // another model's, or the context is exceeded.
  void AppendMoved(KvCache& cache, const KvCache& source, const MovedTokens& moved) const;

  // Keys and values of the cache's first `tokens`, to be kept elsewhere: the same tokens give the
  // same bytes. Throws Error(kInvalidArgument) if it holds fewer, or another model's.
  std::vector<std::byte> SaveCache(const KvCache& cache, std::size_t tokens) const;
  // The reverse. Throws Error(kCorrupt) if the bytes are not as many as `tokens` take.
  KvCache LoadCache(std::span<const std::byte> bytes, std::size_t tokens) const;
  // How many they take. Throws Error(kInvalidArgument) past the context.
  std::size_t CacheBytes(std::size_t tokens) const;

 private:
  struct State;
  explicit Decoder(std::unique_ptr<const State> state);
  std::unique_ptr<const State> state_;
};

}  // namespace fovea
