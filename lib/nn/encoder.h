// A BERT-type text encoder (Devlin et al. 2019) read from a folder in the sentence-transformers
// layout: all-MiniLM, bge, e5, gte.
//
// An Encoder is immutable and shared by threads; calls allocate their own scratch. Batches are
// ragged: no padding is computed, and a text's result does not depend on the batch it is in.

#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/kernels/matrix.h"
#include "lib/text/wordpiece.h"

namespace fovea {

class ThreadPool;

enum class Pooling { kMean, kCls };

// Of the matmuls: f32, or integers of 8 bits (lib/kernels/int8_matrix.h), several times as fast.
// Vectors of the two are close (cosine 0.999), yet an index holds one kind only.
enum class Precision { kF32, kInt8 };

// Of a new index, and of vectors that nobody asks a precision of.
inline constexpr Precision kDefaultPrecision = Precision::kInt8;

// "f32", "int8"
std::string_view Name(Precision precision);
// Throws Error(kUnsupported) for another name.
Precision ParsePrecision(std::string_view name);

struct EncoderConfig {
  int layers = 0;        // L
  int width = 0;         // D
  int heads = 0;         // H
  int feed_forward = 0;  // F
  int vocabulary = 0;    // V
  int positions = 0;     // rows of the position table
  int max_tokens =
      0;  // the model's window, [CLS] and [SEP] counted: max_seq_length, else positions
  float epsilon = 1e-12f;
  Pooling pooling = Pooling::kMean;
  bool normalize = true;
  // What the model wants in front of a query and of a passage ("query: ", "passage: " for e5);
  // often empty.
  std::string query_prompt;
  std::string passage_prompt;
};

class Encoder {
 public:
  // Throws Error(kNotFound | kCorrupt | kUnsupported) that names the file and the tensor or key.
  // Hashing, tokenizer and weights are shared out among the pool's threads.
  static std::unique_ptr<Encoder> Load(const std::filesystem::path& folder,
                                       ThreadPool* pool = nullptr,
                                       Precision precision = Precision::kF32);
  ~Encoder();

  const EncoderConfig& config() const;
  Precision precision() const;
  const WordPiece& tokenizer() const;
  // Hash of weights and tokenizer: equal fingerprints give equal vectors in the same precision.
  const std::string& fingerprint() const;
  // The folder's name: "all-MiniLM-L6-v2".
  const std::string& name() const;

  // Ids with [CLS] and [SEP], cut to max_tokens with the final [SEP] kept. `*cut` (if not null)
  // receives the number of tokens lost.
  std::vector<TokenId> Tokenize(std::string_view text, int* cut = nullptr,
                                SpecialTokens special = SpecialTokens::kText) const;

  // Hidden states of all tokens, sequences one after the other: [ΣT, D]. `layers`: how many of the
  // L layers to run; −1: all. Every sequence has 1 … positions tokens, else
  // Error(kInvalidArgument).
  Matrix HiddenStates(std::span<const std::vector<TokenId>> sequences, ThreadPool* pool,
                      int layers = -1) const;

  // Pooled (and, if the model says so, unit-length) vectors: [B, D]. Sequences of any number; they
  // are run in batches of bounded memory, longest first: a thread a batch where there are many, all
  // threads inside one where there are few.
  Matrix Embed(std::span<const std::vector<TokenId>> sequences, ThreadPool* pool) const;

 private:
  struct State;
  explicit Encoder(std::unique_ptr<const State> state);
  std::unique_ptr<const State> state_;
};

}  // namespace fovea
