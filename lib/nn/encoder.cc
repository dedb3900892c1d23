#include "lib/nn/encoder.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <numeric>
#include <optional>
#include <utility>

#include "lib/attention/attention.h"
#include "lib/base/error.h"
#include "lib/base/hash.h"
#include "lib/base/thread_pool.h"
#include "lib/kernels/kernels.h"
#include "lib/kernels/packed_matrix.h"
#include "lib/nn/encoder_config.h"
#include "lib/nn/float16.h"
#include "lib/nn/model_path.h"
#include "lib/nn/row_blocks.h"
#include "lib/nn/safetensors.h"

namespace fovea {
namespace {

namespace fs = std::filesystem;

// Tokens run at once: enough rows for the matmuls to reach full speed, few enough for the scratch
// of the widest layer (tokens × F floats) to stay in tens of megabytes.
constexpr std::size_t kBatchTokens = 2048;

struct LayerNormWeights {
  std::vector<float> gamma;  // [D]
  std::vector<float> beta;   // [D]
};

struct Linear {
  PackedMatrix weights;     // [outputs, inputs]
  std::vector<float> bias;  // [outputs]
  Epilogue With(Activation activation) const {
    Epilogue epilogue;
    epilogue.bias = bias.data();
    epilogue.activation = activation;
    return epilogue;
  }
  Epilogue Plus(ConstMatrixView residual) const {
    Epilogue epilogue = With(Activation::kNone);
    epilogue.residual = residual;
    return epilogue;
  }
};

struct Layer {
  Linear query_key_value;   // [3·D, D]: one matmul for all three
  Linear attention_output;  // [D, D]
  LayerNormWeights attention_norm;
  Linear feed_forward_in;   // [F, D]
  Linear feed_forward_out;  // [D, F]
  LayerNormWeights output_norm;
};

// The word-embedding table where it lies in the mapped file: most of its rows are never read.
class WordEmbeddings {
 public:
  WordEmbeddings() = default;
  // tensor [V, D]
  WordEmbeddings(const SafetensorsTensor& tensor, std::size_t width)
      : data_(tensor.data.data()), width_(width), dtype_(tensor.dtype) {}

  void CopyRow(std::size_t token, std::span<float> out) const {
    if (dtype_ == "F32") {
      std::memcpy(out.data(), data_ + token * width_ * sizeof(float), width_ * sizeof(float));
      return;
    }
    const auto convert = dtype_ == "F16" ? HalfToFloat : BFloat16ToFloat;
    const std::byte* row = data_ + token * width_ * sizeof(std::uint16_t);
    for (std::size_t i = 0; i < width_; ++i) {
      std::uint16_t bits = 0;
      std::memcpy(&bits, row + i * sizeof bits, sizeof bits);
      out[i] = convert(bits);
    }
  }

 private:
  const std::byte* data_ = nullptr;
  std::size_t width_ = 0;
  std::string dtype_;
};

// Reads tensors by BERT's names, which stand with or without "bert." in front.
class WeightReader {
 public:
  explicit WeightReader(const SafetensorsFile& file)
      : file_(file), prefix_(file.Has("bert.embeddings.word_embeddings.weight") ? "bert." : "") {}

  std::vector<float> Vector(const std::string& name, std::size_t size) const {
    return Floats(name, {size});
  }
  std::vector<float> Floats(const std::string& name, const std::vector<std::size_t>& shape) const {
    return file_.Floats(prefix_ + name, shape);
  }

  LayerNormWeights LayerNorm(const std::string& name, std::size_t width) const {
    return {Vector(name + ".weight", width), Vector(name + ".bias", width)};
  }

  // The layers of the given names stacked: their outputs one after the other.
  Linear Stacked(const std::vector<std::string>& names, std::size_t outputs,
                 std::size_t inputs) const {
    Linear linear;
    std::vector<float> weights;
    weights.reserve(names.size() * outputs * inputs);
    for (const std::string& name : names) {
      const std::vector<float> part = Floats(name + ".weight", {outputs, inputs});
      weights.insert(weights.end(), part.begin(), part.end());
      const std::vector<float> bias = Vector(name + ".bias", outputs);
      linear.bias.insert(linear.bias.end(), bias.begin(), bias.end());
    }
    linear.weights = PackedMatrix(WeightType::kF32, std::as_bytes(std::span(weights)),
                                  names.size() * outputs, inputs);
    return linear;
  }

  WordEmbeddings Words(std::size_t vocabulary, std::size_t width) const {
    const std::string name = prefix_ + "embeddings.word_embeddings.weight";
    const auto found = file_.tensors().find(name);
    const auto fail = [&](ErrorCode code, const std::string& what) {
      throw Error(code, file_.file().path().string() + ": tensor \"" + name + "\" " + what);
    };
    if (found == file_.tensors().end()) fail(ErrorCode::kCorrupt, "is missing");
    const SafetensorsTensor& tensor = found->second;
    if (tensor.shape != std::vector<std::size_t>{vocabulary, width}) {
      fail(ErrorCode::kCorrupt, "has not the shape [vocab_size, hidden_size] of config.json");
    }
    if (tensor.dtype != "F32" && tensor.dtype != "F16" && tensor.dtype != "BF16") {
      fail(ErrorCode::kUnsupported,
           "is of dtype " + tensor.dtype + "; F32, F16 and BF16 can be read");
    }
    return {tensor, width};
  }

 private:
  const SafetensorsFile& file_;
  std::string prefix_;
};

Layer ReadLayer(const WeightReader& reader, const std::string& name, const EncoderConfig& config) {
  const auto width = static_cast<std::size_t>(config.width);
  const auto feed_forward = static_cast<std::size_t>(config.feed_forward);
  const std::string self = name + "attention.self.";
  Layer layer;
  layer.query_key_value =
      reader.Stacked({self + "query", self + "key", self + "value"}, width, width);
  layer.attention_output = reader.Stacked({name + "attention.output.dense"}, width, width);
  layer.attention_norm = reader.LayerNorm(name + "attention.output.LayerNorm", width);
  layer.feed_forward_in = reader.Stacked({name + "intermediate.dense"}, feed_forward, width);
  layer.feed_forward_out = reader.Stacked({name + "output.dense"}, width, feed_forward);
  layer.output_norm = reader.LayerNorm(name + "output.LayerNorm", width);
  return layer;
}

// Position embeddings with those of token type 0 (all of a single text's tokens) added: [positions,
// D].
std::vector<float> ReadPositions(const WeightReader& reader, const SafetensorsFile& file,
                                 const EncoderConfig& config) {
  const auto width = static_cast<std::size_t>(config.width);
  std::vector<float> positions = reader.Floats("embeddings.position_embeddings.weight",
                                               {static_cast<std::size_t>(config.positions), width});
  const std::string name = "embeddings.token_type_embeddings.weight";
  for (const std::string& candidate : {name, "bert." + name}) {
    const auto found = file.tensors().find(candidate);
    if (found == file.tensors().end() || found->second.shape.size() != 2 ||
        found->second.shape[0] == 0)
      continue;
    const std::vector<float> types = reader.Floats(name, {found->second.shape[0], width});
    for (std::size_t i = 0; i < positions.size(); ++i) positions[i] += types[i % width];
    return positions;
  }
  throw Error(ErrorCode::kCorrupt,
              file.file().path().string() + ": tensor \"" + name + "\" is missing");
}

// Hash of the weights and of every file that the vectors depend on besides.
std::string FingerprintOf(const SafetensorsFile& weights, const EncoderFiles& files) {
  ContentHasher hasher;
  hasher.Update(ModelFingerprint(weights.file().path(), weights.file().text()));
  for (const auto& [name, content] : files.contents) {
    hasher.Update(name + "\n" + std::to_string(content.size()) + "\n");
    hasher.Update(content);
  }
  return hasher.Hex();
}

// Scratch of one batch of T tokens.
struct Scratch {
  explicit Scratch(std::size_t tokens, const EncoderConfig& config)
      : query_key_value(tokens, 3 * static_cast<std::size_t>(config.width)),
        context(tokens, static_cast<std::size_t>(config.width)),
        inner(tokens, static_cast<std::size_t>(config.feed_forward)) {}

  Matrix query_key_value;  // [T, 3·D]
  Matrix context;          // [T, D]
  Matrix inner;            // [T, F]
};

// Half-open ranges of `order` whose sequences together have at most kBatchTokens tokens (one
// sequence at least).
template <typename Body>
void ForBatches(std::span<const std::vector<TokenId>> sequences, std::span<const std::size_t> order,
                const Body& body) {
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin;
    std::size_t tokens = 0;
    while (end < order.size() &&
           (end == begin || tokens + sequences[order[end]].size() <= kBatchTokens)) {
      tokens += sequences[order[end++]].size();
    }
    body(order.subspan(begin, end - begin), tokens);
    begin = end;
  }
}

}  // namespace

struct Encoder::State {
  State(const fs::path& folder, EncoderFiles files)
      : config(files.config),
        weights(folder / "model.safetensors"),
        fingerprint(FingerprintOf(weights, files)) {}

  EncoderConfig config;
  SafetensorsFile weights;  // Stays mapped: `words` points into it.
  std::string fingerprint;
  std::string name;
  std::unique_ptr<WordPiece> tokenizer;
  WordEmbeddings words;
  std::vector<float> positions;  // [positions, D]
  LayerNormWeights embedding_norm;
  std::vector<Layer> layers;

  void CheckSequences(std::span<const std::vector<TokenId>> sequences) const;
  void EmbedTokens(std::span<const std::vector<TokenId>> sequences,
                   std::span<const std::size_t> batch, MatrixView hidden, ThreadPool* pool) const;
  void RunLayer(const Layer& layer, std::span<const std::size_t> starts, MatrixView hidden,
                Scratch& scratch, ThreadPool* pool) const;
  // hidden [ΣT, D]: what `count` layers make of the batch's sequences.
  void Run(std::span<const std::vector<TokenId>> sequences, std::span<const std::size_t> batch,
           std::size_t count, MatrixView hidden, ThreadPool* pool) const;
  void Pool(ConstMatrixView hidden, std::span<float> out) const;
};

void Encoder::State::CheckSequences(std::span<const std::vector<TokenId>> sequences) const {
  for (const std::vector<TokenId>& sequence : sequences) {
    if (sequence.empty() || sequence.size() > static_cast<std::size_t>(config.positions)) {
      throw Error(ErrorCode::kInvalidArgument,
                  name + ": a sequence of " + std::to_string(sequence.size()) + " tokens; 1 to " +
                      std::to_string(config.positions) + " can be encoded");
    }
    for (const TokenId id : sequence) {
      if (Value(id) < 0 || Value(id) >= config.vocabulary) {
        throw Error(ErrorCode::kInvalidArgument, name + ": token id " + std::to_string(Value(id)) +
                                                     " is outside the vocabulary of " +
                                                     std::to_string(config.vocabulary));
      }
    }
  }
}

// LayerNorm(word + position + token type), dropping out nothing.
void Encoder::State::EmbedTokens(std::span<const std::vector<TokenId>> sequences,
                                 std::span<const std::size_t> batch, MatrixView hidden,
                                 ThreadPool* pool) const {
  std::size_t row = 0;
  for (const std::size_t sequence : batch) {
    const float* position = positions.data();
    for (const TokenId id : sequences[sequence]) {
      const std::span<float> out = hidden.row_span(row++);
      words.CopyRow(static_cast<std::size_t>(Value(id)), out);
      for (float& value : out) value += *position++;
    }
  }
  ForRowBlocks(hidden.rows, pool, [&](std::size_t begin, std::size_t end) {
    const MatrixView rows = hidden.Rows(begin, end);
    LayerNorm(rows, embedding_norm.gamma, embedding_norm.beta, config.epsilon, rows);
  });
}

// Post-norm, as in Devlin et al. 2019: x ← LN(x + Attention(x)); x ← LN(x + W₂ gelu(W₁ x)).
void Encoder::State::RunLayer(const Layer& layer, std::span<const std::size_t> starts,
                              MatrixView hidden, Scratch& scratch, ThreadPool* pool) const {
  const auto width = static_cast<std::size_t>(config.width);
  const MatrixView projected = scratch.query_key_value.view().Rows(0, hidden.rows);
  const MatrixView context = scratch.context.view().Rows(0, hidden.rows);
  const MatrixView inner = scratch.inner.view().Rows(0, hidden.rows);
  const auto normalize = [&](const LayerNormWeights& norm) {
    ForRowBlocks(hidden.rows, pool, [&](std::size_t begin, std::size_t end) {
      const MatrixView rows = hidden.Rows(begin, end);
      LayerNorm(rows, norm.gamma, norm.beta, config.epsilon, rows);
    });
  };
  MatMul(hidden, layer.query_key_value.weights, layer.query_key_value.With(Activation::kNone),
         projected, pool);
  const AttentionShape shape = {
      .heads = config.heads, .kv_heads = config.heads, .head_width = config.width / config.heads};
  AttentionMask mask;
  mask.query_starts = starts;
  mask.key_starts = starts;
  ScaledDotProductAttention(shape, projected.Cols(0, width), projected.Cols(width, 2 * width),
                            projected.Cols(2 * width, 3 * width), mask, context, {}, pool);
  MatMul(context, layer.attention_output.weights, layer.attention_output.Plus(hidden), hidden,
         pool);
  normalize(layer.attention_norm);
  MatMul(hidden, layer.feed_forward_in.weights, layer.feed_forward_in.With(Activation::kGelu),
         inner, pool);
  MatMul(inner, layer.feed_forward_out.weights, layer.feed_forward_out.Plus(hidden), hidden, pool);
  normalize(layer.output_norm);
}

void Encoder::State::Run(std::span<const std::vector<TokenId>> sequences,
                         std::span<const std::size_t> batch, std::size_t count, MatrixView hidden,
                         ThreadPool* pool) const {
  std::vector<std::size_t> starts = {0};
  for (const std::size_t sequence : batch)
    starts.push_back(starts.back() + sequences[sequence].size());
  EmbedTokens(sequences, batch, hidden, pool);
  if (count == 0) return;
  Scratch scratch(hidden.rows, config);
  for (std::size_t i = 0; i < count; ++i) RunLayer(layers[i], starts, hidden, scratch, pool);
}

// hidden [T, D] of one sequence to out [D].
void Encoder::State::Pool(ConstMatrixView hidden, std::span<float> out) const {
  std::copy_n(hidden.row(0), hidden.cols, out.begin());
  if (config.pooling == Pooling::kMean) {
    for (std::size_t t = 1; t < hidden.rows; ++t) {
      const float* row = hidden.row(t);
      for (std::size_t i = 0; i < hidden.cols; ++i) out[i] += row[i];
    }
    for (float& value : out) value /= static_cast<float>(hidden.rows);
  }
  if (config.normalize) NormalizeInPlace(out);
}

std::unique_ptr<Encoder> Encoder::Load(const fs::path& folder) {
  auto state = std::make_unique<State>(folder, ReadEncoderFiles(folder));
  const EncoderConfig& config = state->config;
  const fs::path normal = folder.lexically_normal();
  state->name = (normal.has_filename() ? normal : normal.parent_path()).filename().string();
  state->tokenizer = WordPiece::Load(folder);
  if (state->tokenizer->vocabulary_size() > config.vocabulary) {
    throw Error(ErrorCode::kCorrupt, folder.string() + ": the tokenizer has " +
                                         std::to_string(state->tokenizer->vocabulary_size()) +
                                         " tokens, config.json's vocab_size is " +
                                         std::to_string(config.vocabulary));
  }
  const WeightReader reader(state->weights);
  const auto width = static_cast<std::size_t>(config.width);
  state->words = reader.Words(static_cast<std::size_t>(config.vocabulary), width);
  state->positions = ReadPositions(reader, state->weights, config);
  state->embedding_norm = reader.LayerNorm("embeddings.LayerNorm", width);
  for (int i = 0; i < config.layers; ++i) {
    state->layers.push_back(ReadLayer(reader, "encoder.layer." + std::to_string(i) + ".", config));
  }
  return std::unique_ptr<Encoder>(new Encoder(std::move(state)));
}

Encoder::Encoder(std::unique_ptr<const State> state) : state_(std::move(state)) {}
Encoder::~Encoder() = default;

const EncoderConfig& Encoder::config() const { return state_->config; }
const WordPiece& Encoder::tokenizer() const { return *state_->tokenizer; }
const std::string& Encoder::fingerprint() const { return state_->fingerprint; }
const std::string& Encoder::name() const { return state_->name; }

std::vector<TokenId> Encoder::Tokenize(std::string_view text, int* cut) const {
  std::vector<TokenId> ids = state_->tokenizer->EncodeIds(text);
  const auto window = static_cast<std::size_t>(state_->config.max_tokens);
  const std::size_t lost = ids.size() > window ? ids.size() - window : 0;
  if (lost > 0) {
    ids.resize(window);
    ids.back() = state_->tokenizer->sep();
  }
  if (cut != nullptr) *cut = static_cast<int>(lost);
  return ids;
}

Matrix Encoder::HiddenStates(std::span<const std::vector<TokenId>> sequences, ThreadPool* pool,
                             int layers) const {
  const State& state = *state_;
  if (layers < -1 || layers > state.config.layers) {
    throw Error(ErrorCode::kInvalidArgument, state.name + ": " + std::to_string(layers) +
                                                 " layers were asked for; it has " +
                                                 std::to_string(state.config.layers));
  }
  state.CheckSequences(sequences);
  const std::size_t count = layers < 0 ? state.layers.size() : static_cast<std::size_t>(layers);
  std::vector<std::size_t> order(sequences.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::size_t total = 0;
  for (const std::vector<TokenId>& sequence : sequences) total += sequence.size();
  Matrix hidden(total, static_cast<std::size_t>(state.config.width));
  std::size_t done = 0;
  ForBatches(sequences, order, [&](std::span<const std::size_t> batch, std::size_t tokens) {
    state.Run(sequences, batch, count, hidden.view().Rows(done, done + tokens), pool);
    done += tokens;
  });
  return hidden;
}

Matrix Encoder::Embed(std::span<const std::vector<TokenId>> sequences, ThreadPool* pool) const {
  const State& state = *state_;
  state.CheckSequences(sequences);
  std::vector<std::size_t> order(sequences.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return sequences[a].size() > sequences[b].size();
  });
  Matrix vectors(sequences.size(), static_cast<std::size_t>(state.config.width));
  ForBatches(sequences, order, [&](std::span<const std::size_t> batch, std::size_t tokens) {
    Matrix hidden(tokens, vectors.cols());
    state.Run(sequences, batch, state.layers.size(), hidden.view(), pool);
    std::size_t begin = 0;
    for (const std::size_t sequence : batch) {
      const std::size_t end = begin + sequences[sequence].size();
      state.Pool(std::as_const(hidden).view().Rows(begin, end), vectors.row(sequence));
      begin = end;
    }
  });
  return vectors;
}

}  // namespace fovea
