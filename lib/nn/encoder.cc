#include "lib/nn/encoder.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "lib/base/error.h"
#include "lib/base/hash.h"
#include "lib/base/thread_pool.h"
#include "lib/kernels/kernels.h"
#include "lib/nn/encoder_config.h"
#include "lib/nn/encoder_weights.h"
#include "lib/nn/model_path.h"
#include "lib/nn/row_blocks.h"
#include "lib/nn/safetensors.h"
#include "lib/nn/sequence_batches.h"

namespace fovea {
namespace {

namespace fs = std::filesystem;

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

std::vector<std::size_t> SizesOf(std::span<const std::vector<TokenId>> sequences) {
  std::vector<std::size_t> sizes;
  for (const std::vector<TokenId>& sequence : sequences) sizes.push_back(sequence.size());
  return sizes;
}

}  // namespace

struct Encoder::State {
  State(const fs::path& folder, const EncoderConfig& read, Precision wanted)
      : config(read), precision(wanted), file(folder / "model.safetensors") {}

  EncoderConfig config;
  Precision precision;
  SafetensorsFile file;  // Stays mapped: the word embeddings are read where they lie.
  EncoderWeights weights;
  std::string fingerprint;
  std::string name;
  std::unique_ptr<WordPiece> tokenizer;

  void CheckSequences(std::span<const std::vector<TokenId>> sequences) const;
  void EmbedTokens(std::span<const std::vector<TokenId>> sequences,
                   std::span<const std::size_t> batch, MatrixView hidden, ThreadPool* pool) const;
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
    const float* position = weights.positions.data();
    for (const TokenId id : sequences[sequence]) {
      const std::span<float> out = hidden.row_span(row++);
      weights.words.CopyRow(static_cast<std::size_t>(Value(id)), out);
      for (float& value : out) value += *position++;
    }
  }
  ForRowBlocks(hidden.rows, pool, [&](std::size_t begin, std::size_t end) {
    const MatrixView rows = hidden.Rows(begin, end);
    LayerNorm(rows, weights.embedding_norm.gamma, weights.embedding_norm.beta, config.epsilon,
              rows);
  });
}

void Encoder::State::Run(std::span<const std::vector<TokenId>> sequences,
                         std::span<const std::size_t> batch, std::size_t count, MatrixView hidden,
                         ThreadPool* pool) const {
  std::vector<std::size_t> starts = {0};
  for (const std::size_t sequence : batch)
    starts.push_back(starts.back() + sequences[sequence].size());
  EmbedTokens(sequences, batch, hidden, pool);
  if (count == 0) return;
  EncoderScratch scratch(hidden.rows, config);
  for (std::size_t i = 0; i < count; ++i)
    RunEncoderLayer(weights.layers[i], config, starts, hidden, scratch, {}, pool);
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

std::string_view Name(Precision precision) {
  return precision == Precision::kInt8 ? "int8" : "f32";
}

Precision ParsePrecision(std::string_view name) {
  for (const Precision precision : {Precision::kF32, Precision::kInt8}) {
    if (name == Name(precision)) return precision;
  }
  throw Error(ErrorCode::kUnsupported,
              "precision \"" + std::string(name) + "\" of the embedder; f32 and int8 are there");
}

std::unique_ptr<Encoder> Encoder::Load(const fs::path& folder, ThreadPool* pool,
                                       Precision precision) {
  const EncoderFiles files = ReadEncoderFiles(folder);
  auto state = std::make_unique<State>(folder, files.config, precision);
  const EncoderConfig& config = state->config;
  const fs::path normal = folder.lexically_normal();
  state->name = (normal.has_filename() ? normal : normal.parent_path()).filename().string();

  ThreadPool alone(1);
  ThreadPool& threads = pool != nullptr ? *pool : alone;
  // The longest first. What is wrong with the files is told in the order of the waits, whatever the
  // number of threads.
  ThreadPool::Task weights =
      threads.Post([&] { state->weights = ReadEncoderWeights(state->file, config, precision); });
  ThreadPool::Task tokenizer = threads.Post([&] { state->tokenizer = WordPiece::Load(folder); });
  ThreadPool::Task fingerprint =
      threads.Post([&] { state->fingerprint = FingerprintOf(state->file, files); });
  fingerprint.Wait();
  tokenizer.Wait();
  if (state->tokenizer->vocabulary_size() > config.vocabulary) {
    throw Error(ErrorCode::kCorrupt, folder.string() + ": the tokenizer has " +
                                         std::to_string(state->tokenizer->vocabulary_size()) +
                                         " tokens, config.json's vocab_size is " +
                                         std::to_string(config.vocabulary));
  }
  weights.Wait();
  return std::unique_ptr<Encoder>(new Encoder(std::move(state)));
}

Encoder::Encoder(std::unique_ptr<const State> state) : state_(std::move(state)) {}
Encoder::~Encoder() = default;

const EncoderConfig& Encoder::config() const { return state_->config; }
Precision Encoder::precision() const { return state_->precision; }
const WordPiece& Encoder::tokenizer() const { return *state_->tokenizer; }
const std::string& Encoder::fingerprint() const { return state_->fingerprint; }
const std::string& Encoder::name() const { return state_->name; }

std::vector<TokenId> Encoder::Tokenize(std::string_view text, int* cut,
                                       SpecialTokens special) const {
  std::vector<TokenId> ids = state_->tokenizer->EncodeIds(text, special);
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
  const std::size_t count =
      layers < 0 ? state.weights.layers.size() : static_cast<std::size_t>(layers);
  const std::vector<std::size_t> sizes = SizesOf(sequences);
  std::vector<std::size_t> starts(sizes.size() + 1, 0);
  std::partial_sum(sizes.begin(), sizes.end(), starts.begin() + 1);
  Matrix hidden(starts.back(), static_cast<std::size_t>(state.config.width));
  for (const SequenceBatch& batch : BatchesInOrder(sizes)) {
    const std::size_t first = starts[batch.sequences.front()];
    state.Run(sequences, batch.sequences, count, hidden.view().Rows(first, first + batch.tokens),
              pool);
  }
  return hidden;
}

Matrix Encoder::Embed(std::span<const std::vector<TokenId>> sequences, ThreadPool* pool) const {
  const State& state = *state_;
  state.CheckSequences(sequences);
  Matrix vectors(sequences.size(), static_cast<std::size_t>(state.config.width));
  ForSequenceBatches(
      SizesOf(sequences), pool, [&](const SequenceBatch& batch, ThreadPool* threads) {
        Matrix hidden(batch.tokens, vectors.cols());
        state.Run(sequences, batch.sequences, state.weights.layers.size(), hidden.view(), threads);
        std::size_t begin = 0;
        for (const std::size_t sequence : batch.sequences) {
          const std::size_t end = begin + sequences[sequence].size();
          state.Pool(std::as_const(hidden).view().Rows(begin, end), vectors.row(sequence));
          begin = end;
        }
      });
  return vectors;
}

}  // namespace fovea
