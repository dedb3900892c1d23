#include "lib/nn/decoder.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "lib/attention/attention.h"
#include "lib/attention/rope.h"
#include "lib/base/error.h"
#include "lib/base/thread_pool.h"
#include "lib/kernels/isa.h"
#include "lib/kernels/kernels.h"
#include "lib/kernels/packed_matrix.h"
#include "lib/nn/decoder_config.h"
#include "lib/nn/gguf.h"
#include "lib/nn/kv_cache.h"
#include "lib/nn/memory_limit.h"
#include "lib/nn/model_path.h"
#include "lib/nn/row_blocks.h"
#include "lib/nn/tensor_reader.h"

namespace fovea {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPrefillBlock = 256;  // Tokens run at once; bounds the scratch.

// The tokenizer's own errors do not know the file.
Bpe ReadTokenizer(const GgufFile& file) {
  BpeModel model = ReadBpeModel(file);
  try {
    return Bpe(std::move(model));
  } catch (const Error& error) {
    throw Error(error.code(), file.file().path().string() + ": tokenizer: " + error.what());
  }
}

struct Layer {
  std::vector<float> attention_norm;        // [D]
  std::vector<GgufLinear> query_key_value;  // together [(H + 2 Hkv)·Dh, D]
  GgufLinear attention_output;              // [D, H·Dh]
  std::vector<float> feed_forward_norm;     // [D]
  GgufLinear gate;                          // [F, D]
  GgufLinear up;                            // [F, D]
  GgufLinear down;                          // [D, F]
};

// Packed weights take as many bytes as the file's.
void CheckMemory(const GgufFile& file) {
  std::uint64_t bytes = 0;
  for (const auto& [name, tensor] : file.tensors()) bytes += tensor.data.size();
  CheckFitsInMemory(file.file().path().string(), bytes, AvailableMemory());
}

Epilogue Plus(const std::vector<float>& bias) {
  Epilogue epilogue;
  if (!bias.empty()) epilogue.bias = bias.data();
  return epilogue;
}

Epilogue PlusResidual(const std::vector<float>& bias, ConstMatrixView residual) {
  Epilogue epilogue = Plus(bias);
  epilogue.residual = residual;
  return epilogue;
}

// silu(x + bias) ⊙ up
Epilogue SiluTimes(const std::vector<float>& bias, ConstMatrixView up) {
  Epilogue epilogue = Plus(bias);
  epilogue.activation = Activation::kSilu;
  epilogue.multiplier = up;
  return epilogue;
}

// Scratch of one block of T tokens.
struct Scratch {
  Scratch(std::size_t tokens, std::size_t width, std::size_t query_width, std::size_t key_width,
          std::size_t feed_forward)
      : hidden(tokens, width),
        normed(tokens, width),
        projected(tokens, query_width + 2 * key_width),
        context(tokens, query_width),
        up(tokens, feed_forward),
        gated(tokens, feed_forward) {}

  Matrix hidden;     // [T, D]
  Matrix normed;     // [T, D]
  Matrix projected;  // [T, (H + 2 Hkv)·Dh]: queries, keys, values
  Matrix context;    // [T, H·Dh]
  Matrix up;         // [T, F]
  Matrix gated;      // [T, F]
  RopeTable turns;   // of the block's positions
};

}  // namespace

struct Decoder::State {
  explicit State(const fs::path& path)
      : file(path),
        config(ReadDecoderConfig(file)),
        rope(config.rope),
        tokenizer(ReadTokenizer(file)),
        fingerprint(ModelFingerprint(path, file.file().text())),
        name(path.filename().string()) {}

  GgufFile file;
  DecoderConfig config;
  Rope rope;
  Bpe tokenizer;
  std::string fingerprint;
  std::string name;
  PackedMatrix embeddings;  // [V, D]
  std::vector<Layer> layers;
  std::vector<float> output_norm;  // [D]
  PackedMatrix output;             // [V, D]; empty when the head is tied.
  bool tied = true;
  DecoderPrecision precision = DecoderPrecision::kFast;
  KeyValuePrecision cache_precision = KeyValuePrecision::kF16;

  std::size_t query_width() const {
    return static_cast<std::size_t>(config.heads) * static_cast<std::size_t>(config.head_width);
  }
  KeyValueShape cache_shape() const {
    return {
        .kv_heads = config.kv_heads, .head_width = config.head_width, .precision = cache_precision};
  }
  std::size_t key_width() const {
    return static_cast<std::size_t>(config.kv_heads) * static_cast<std::size_t>(config.head_width);
  }

  void ReadWeights(const DecoderOptions& options);
  Layer ReadLayer(TensorReader& reader, int index) const;
  void CheckTokens(const KvCache& cache, std::span<const TokenId> tokens) const;
  void CheckHolds(const KvCache& cache, std::size_t tokens) const;
  void RunLayer(const Layer& layer, KeyValuePanels& cached, std::size_t past, std::size_t tokens,
                Scratch& scratch, ThreadPool* pool) const;
  // Appends at most kPrefillBlock tokens after the first `past` of the cache; hidden states land in
  // scratch.hidden.
  void RunBlock(KvCache::State& cache, std::size_t past, std::span<const TokenId> tokens,
                Scratch& scratch, ThreadPool* pool) const;
  // logits [T, V] of hidden [T, D], which is normalised in place.
  void Head(MatrixView hidden, MatrixView logits, ThreadPool* pool) const;
  void Norm(ConstMatrixView input, std::span<const float> gamma, MatrixView out,
            ThreadPool* pool) const;
  // Runs the tokens block by block; after_block(first row, hidden [T, D]) sees each.
  template <typename AfterBlock>
  void Run(KvCache& cache, std::span<const TokenId> tokens, ThreadPool* pool,
           const AfterBlock& after_block) const;
};

Layer Decoder::State::ReadLayer(TensorReader& reader, int index) const {
  const std::string prefix = "blk." + std::to_string(index) + ".";
  const auto width = static_cast<std::size_t>(config.width);
  const auto feed_forward = static_cast<std::size_t>(config.feed_forward);
  Layer layer;
  layer.attention_norm = reader.Vector(prefix + "attn_norm.weight", width);
  layer.query_key_value = reader.Stacked({{prefix + "attn_q", query_width()},
                                          {prefix + "attn_k", key_width()},
                                          {prefix + "attn_v", key_width()}},
                                         width);
  layer.attention_output = reader.LinearLayer(prefix + "attn_output", width, query_width());
  layer.feed_forward_norm = reader.Vector(prefix + "ffn_norm.weight", width);
  // Half of a layer's work; 8 bits cost least here, but not in the last layers, which nothing
  // smooths.
  const bool last = index >= config.layers - (config.layers + 9) / 10;
  const InputPrecision wide = last ? InputPrecision::kInt16 : InputPrecision::kInt8;
  layer.gate = reader.LinearLayer(prefix + "ffn_gate", feed_forward, width, wide);
  layer.up = reader.LinearLayer(prefix + "ffn_up", feed_forward, width, wide);
  layer.down = reader.LinearLayer(prefix + "ffn_down", width, feed_forward);
  return layer;
}

void Decoder::State::ReadWeights(const DecoderOptions& options) {
  const auto width = static_cast<std::size_t>(config.width);
  const auto vocabulary = static_cast<std::size_t>(config.vocabulary);
  CheckMemory(file);
  precision = options.precision;
  cache_precision =
      options.cache.value_or(options.precision == DecoderPrecision::kF32 ? KeyValuePrecision::kF32
                                                                         : KeyValuePrecision::kF16);
  TensorReader reader(file, options);
  if (reader.Has("rope_freqs.weight"))  // The config has it.
    reader.Vector("rope_freqs.weight", config.rope.frequency_factors.size());
  embeddings = reader.Packed("token_embd.weight", vocabulary, width);
  for (int i = 0; i < config.layers; ++i) layers.push_back(ReadLayer(reader, i));
  output_norm = reader.Vector("output_norm.weight", width);
  tied = !reader.Has("output.weight");
  if (!tied) output = reader.Packed("output.weight", vocabulary, width);
  reader.CheckAllTaken();
}

void Decoder::State::CheckTokens(const KvCache& cache, std::span<const TokenId> tokens) const {
  const auto fail = [&](const std::string& what) {
    throw Error(ErrorCode::kInvalidArgument, name + ": " + what);
  };
  if (tokens.empty()) fail("no token was given");
  const auto context = static_cast<std::size_t>(config.context);
  if (cache.size() > context || tokens.size() > context - cache.size()) {
    fail(std::to_string(cache.size()) + " + " + std::to_string(tokens.size()) +
         " tokens exceed the context of " + std::to_string(context));
  }
  for (const TokenId id : tokens) {
    if (Value(id) < 0 || Value(id) >= config.vocabulary) {
      fail("token id " + std::to_string(Value(id)) + " is outside the vocabulary of " +
           std::to_string(config.vocabulary));
    }
  }
}

void Decoder::State::CheckHolds(const KvCache& cache, std::size_t tokens) const {
  if (tokens > cache.size() || !cache.state().Fits(layers.size(), cache_shape())) {
    throw Error(ErrorCode::kInvalidArgument, "the key/value cache does not hold " +
                                                 std::to_string(tokens) + " tokens of " + name);
  }
}

void Decoder::State::Norm(ConstMatrixView input, std::span<const float> gamma, MatrixView out,
                          ThreadPool* pool) const {
  ForRowBlocks(input.rows, pool, [&](std::size_t begin, std::size_t end) {
    RmsNorm(input.Rows(begin, end), gamma, config.epsilon, out.Rows(begin, end));
  });
}

// x ← x + Wo Attention(RoPE(Q), RoPE(K), V); x ← x + Wdown (silu(Wgate n) ⊙ Wup n), n = RMSNorm(x).
void Decoder::State::RunLayer(const Layer& layer, KeyValuePanels& cached, std::size_t past,
                              std::size_t tokens, Scratch& scratch, ThreadPool* pool) const {
  const MatrixView hidden = scratch.hidden.view().Rows(0, tokens);
  const MatrixView normed = scratch.normed.view().Rows(0, tokens);
  const MatrixView projected = scratch.projected.view().Rows(0, tokens);
  const std::size_t keys_end = query_width() + key_width();
  const MatrixView query = projected.Cols(0, query_width());
  const MatrixView keys = projected.Cols(query_width(), keys_end);
  const MatrixView values = projected.Cols(keys_end, projected.cols);
  const MatrixView context = scratch.context.view().Rows(0, tokens);
  const MatrixView up = scratch.up.view().Rows(0, tokens);
  const MatrixView gated = scratch.gated.view().Rows(0, tokens);

  Norm(hidden, layer.attention_norm, normed, pool);
  std::size_t column = 0;
  for (const GgufLinear& part : layer.query_key_value) {
    const std::size_t end = column + part.weights.outputs();
    MatMul(normed, part.weights, Plus(part.bias), projected.Cols(column, end), pool);
    column = end;
  }
  ForRowBlocks(tokens, pool, [&](std::size_t begin, std::size_t end) {
    const MatrixView queries_and_keys = projected.Rows(begin, end).Cols(0, keys_end);
    scratch.turns.Apply(queries_and_keys, config.head_width, begin);
    cached.Write(past + begin, keys.Rows(begin, end), values.Rows(begin, end));
  });
  const AttentionShape shape = {
      .heads = config.heads, .kv_heads = config.kv_heads, .head_width = config.head_width};
  CachedAttention(shape, query, cached, past + tokens, context, pool);
  MatMul(context, layer.attention_output.weights, PlusResidual(layer.attention_output.bias, hidden),
         hidden, pool);

  Norm(hidden, layer.feed_forward_norm, normed, pool);
  MatMul(normed, layer.up.weights, Plus(layer.up.bias), up, pool);
  MatMul(normed, layer.gate.weights, SiluTimes(layer.gate.bias, up), gated, pool);
  MatMul(gated, layer.down.weights, PlusResidual(layer.down.bias, hidden), hidden, pool);
}

void Decoder::State::RunBlock(KvCache::State& cache, std::size_t past,
                              std::span<const TokenId> tokens, Scratch& scratch,
                              ThreadPool* pool) const {
  for (std::size_t t = 0; t < tokens.size(); ++t) {
    embeddings.DequantizeRow(static_cast<std::size_t>(Value(tokens[t])), scratch.hidden.row(t));
  }
  scratch.turns = rope.Positions(past, tokens.size());
  for (std::size_t i = 0; i < layers.size(); ++i) {
    RunLayer(layers[i], cache.layers[i], past, tokens.size(), scratch, pool);
  }
}

template <typename AfterBlock>
void Decoder::State::Run(KvCache& cache, std::span<const TokenId> tokens, ThreadPool* pool,
                         const AfterBlock& after_block) const {
  CheckTokens(cache, tokens);
  KvCache::State& cached = cache.state();
  const std::size_t past = cached.size;
  cached.Reserve(past + tokens.size(), static_cast<std::size_t>(config.context), layers.size(),
                 cache_shape());
  const std::size_t block = std::min(tokens.size(), kPrefillBlock);
  Scratch scratch(block, static_cast<std::size_t>(config.width), query_width(), key_width(),
                  static_cast<std::size_t>(config.feed_forward));
  for (std::size_t begin = 0; begin < tokens.size(); begin += block) {
    const std::size_t count = std::min(block, tokens.size() - begin);
    RunBlock(cached, past + begin, tokens.subspan(begin, count), scratch, pool);
    after_block(begin, scratch.hidden.view().Rows(0, count));
  }
  cached.size =
      past + tokens.size();  // Only now: an exception on the way leaves the cache as it was.
}

void Decoder::State::Head(MatrixView hidden, MatrixView logits, ThreadPool* pool) const {
  Norm(hidden, output_norm, hidden, pool);
  MatMul(hidden, tied ? embeddings : output, {}, logits, pool);
}

std::unique_ptr<Decoder> Decoder::Load(const fs::path& file, const DecoderOptions& options) {
  auto state = std::make_unique<State>(file);
  state->ReadWeights(options);
  return std::unique_ptr<Decoder>(new Decoder(std::move(state)));
}

Decoder::Decoder(std::unique_ptr<const State> state) : state_(std::move(state)) {}
Decoder::~Decoder() = default;

const DecoderConfig& Decoder::config() const { return state_->config; }
const Bpe& Decoder::tokenizer() const { return state_->tokenizer; }
const std::string& Decoder::fingerprint() const { return state_->fingerprint; }
const std::string& Decoder::name() const { return state_->name; }

std::string Decoder::cache_fingerprint() const {
  return state_->fingerprint + (state_->precision == DecoderPrecision::kFast ? " fast" : " f32") +
         (state_->cache_precision == KeyValuePrecision::kF16 ? " f16 " : " f32 ") +
         std::string(Name(CurrentIsa()));
}

std::vector<float> Decoder::Forward(KvCache& cache, std::span<const TokenId> tokens,
                                    ThreadPool* pool) const {
  std::vector<float> logits(static_cast<std::size_t>(state_->config.vocabulary));
  state_->Run(cache, tokens, pool, [&](std::size_t begin, MatrixView hidden) {
    if (begin + hidden.rows < tokens.size()) return;
    state_->Head(hidden.Rows(hidden.rows - 1, hidden.rows),
                 {logits.data(), 1, logits.size(), logits.size()}, pool);
  });
  return logits;
}

Matrix Decoder::ForwardAll(KvCache& cache, std::span<const TokenId> tokens,
                           ThreadPool* pool) const {
  state_->CheckTokens(cache, tokens);
  Matrix logits(tokens.size(), static_cast<std::size_t>(state_->config.vocabulary));
  state_->Run(cache, tokens, pool, [&](std::size_t begin, MatrixView hidden) {
    state_->Head(hidden, logits.view().Rows(begin, begin + hidden.rows), pool);
  });
  return logits;
}

void Decoder::AppendMoved(KvCache& cache, const KvCache& source, const MovedTokens& moved) const {
  const State& state = *state_;
  state.CheckHolds(source, moved.first + moved.count);
  KvCache::State& to = cache.state();
  CacheBytes(to.size + moved.count);  // Refuses what exceeds the context.
  to.Reserve(to.size + moved.count, static_cast<std::size_t>(state.config.context),
             state.layers.size(), state.cache_shape());
  const RopeTable turns = state.rope.Distance(moved.distance, moved.count);
  Matrix keys(moved.count, state.key_width()), values(moved.count, state.key_width());
  for (std::size_t i = 0; i < state.layers.size(); ++i) {
    source.state().layers[i].Read(moved.first, keys.view(), values.view());
    // Where nothing changes, not a bit may.
    if (moved.distance > 0) turns.Apply(keys.view(), state.config.head_width, 0);
    for (std::size_t t = 0; t < moved.count; ++t) {
      for (float& x : keys.row(t)) x *= moved.key_scale;
    }
    to.layers[i].Write(to.size, keys.view(), values.view());
  }
  to.size += moved.count;
}

std::size_t Decoder::CacheBytes(std::size_t tokens) const {
  if (tokens > static_cast<std::size_t>(state_->config.context)) {
    throw Error(ErrorCode::kInvalidArgument, name() + ": " + std::to_string(tokens) +
                                                 " tokens exceed the context of " +
                                                 std::to_string(state_->config.context));
  }
  return state_->layers.size() * KeyValuePanels::Bytes(state_->cache_shape(), tokens);
}

std::vector<std::byte> Decoder::SaveCache(const KvCache& cache, std::size_t tokens) const {
  state_->CheckHolds(cache, tokens);
  return cache.state().Save(tokens);
}

KvCache Decoder::LoadCache(std::span<const std::byte> bytes, std::size_t tokens) const {
  if (bytes.size() != CacheBytes(tokens)) {
    throw Error(ErrorCode::kCorrupt, std::to_string(bytes.size()) +
                                         " bytes are not the keys and values of " +
                                         std::to_string(tokens) + " tokens of " + name());
  }
  KvCache cache;
  cache.state().Load(bytes, tokens, state_->layers.size(), state_->cache_shape());
  return cache;
}

}  // namespace fovea
