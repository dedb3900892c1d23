// The reader: attends from the question over all passages at once and says where the answer is.
//
// Everything it returns is a function of attention weights. A Reader is immutable and shared by
// threads.

#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/byte_range.h"
#include "lib/text/document.h"

namespace fovea {

class ThreadPool;

// A passage with the scores retrieval gave it (they enter the passage weight; see
// docs/architecture.md).
struct ReaderInput {
  const Passage* passage = nullptr;    // Borrowed for the call.
  std::optional<float> dense_score;    // cosine
  std::optional<float> lexical_score;  // BM25, larger is better
  // Ranges of the text that are read but hardly answer: logits of what begins there are lowered by
  // kDoubt.
  std::vector<ByteRange> doubtful = {};
};

// e³⁰: below what counts as evidence beside any other answer, yet in the same order among
// themselves.
inline constexpr float kDoubt = 30;

// kDoubt for what begins at byte `at` of a doubtful range, else 0.
float DoubtAt(const ReaderInput& input, std::size_t at);

// BM25 of each passage as a share of the greatest; 0 where there is none.
std::vector<float> LexicalShares(std::span<const ReaderInput> passages);

// Throws Error(kInvalidArgument) on a question of white space alone.
void CheckQuestion(std::string_view question);

struct SentenceWeight {
  ByteRange range;   // of the passage's text
  float weight = 0;  // Weights of a passage's sentences sum to its passage weight.
};

struct TokenWeight {
  ByteRange range;      // of the passage's text
  float start = 0;      // probability that the answer starts here, over all passages
  float end = 0;        // likewise that it ends here
  float attention = 0;  // what the question's tokens attend to, if asked for: their mean
};

// What the question's tokens attend to while they read one part of a passage (a passage that fits
// the reader's window is one part), layer by layer and head by head.
struct PartAttention {
  // Of PassageReading::tokens: those that belong to the part.
  std::size_t first_token = 0;
  std::size_t tokens = 0;
  // [L, H, Tq, Tq + tokens + 1], AttentionAxes: a row is one head's softmax and sums to 1, over the
  // question's own tokens, the part's, and in its last column the rest together: title, markers,
  // and text that belongs to another part.
  std::vector<float> weights;
};

struct PassageReading {
  float weight = 0;
  std::vector<SentenceWeight> sentences;  // In order of appearance.
  std::vector<TokenWeight> tokens;        // In order; empty where a reader has no such weights.
  std::vector<PartAttention> parts = {};  // In order, if asked for; empty likewise.
};

struct AnswerSpan {
  std::size_t passage = 0;  // index into the inputs
  ByteRange range;          // of that passage's text
  float score = 0;          // probability mass of the span, 0 … 1
};

// What the weights of a PartAttention are of.
struct AttentionAxes {
  std::size_t layers = 0;  // L: those in which question and passage see each other
  std::size_t heads = 0;   // H, of a layer
  // [Tq] the question's tokens: bytes of its text. Empty ranges: the markers at both its ends.
  std::vector<ByteRange> question;
};

struct Reading {
  // One a given passage, in the order given. Their weights and none_weight sum to 1.
  std::vector<PassageReading> passages;
  // The "none of these" slot: high where no passage answers.
  float none_weight = 0;
  // Best first; the first is the short answer. Empty if there is no passage.
  std::vector<AnswerSpan> spans;
  // Of PassageReading::parts; no layers where a reader has none or they were not asked for.
  AttentionAxes axes = {};
};

// Attention weights to return beside what is computed from them: for display, at some cost.
enum class AttentionDetail {
  kNone,
  kMean,   // TokenWeight::attention
  kHeads,  // PassageReading::parts as well
};

struct ReadOptions {
  AttentionDetail attention = AttentionDetail::kNone;
};

// A quantity that tells whether an answer is there.
struct AnswerSign {
  float nats = 0;     // on log((1 − none) / none), for a unit above `neutral`
  float neutral = 0;  // the value that neither raises nor lowers it
};

// Signs that the network does not see of an answer being there. Found on questions with and without
// an answer after the training (docs/reader.md). Zeros: they do not count.
struct AnswerSigns {
  AnswerSign lead;     // how far the greatest cosine of the passages lies above the others' mean
  AnswerSign covered;  // share of the question's words in the sentence with the short answer
  AnswerSign known;    // share of them in its passage, title and heading
  AnswerSign share;    // of the weight of all passages, that of those that hold the short answer
};

// Adds `nats` to log((1 − none) / none): the weights of passages, sentences, tokens and spans grow
// or shrink together. A reading without weights stays as it is.
void RaiseAnswer(Reading& reading, double nats);

class Reader {
 public:
  virtual ~Reader() = default;

  // No passages: none_weight is 1. Throws Error(kInvalidArgument) on an empty question.
  virtual Reading Read(std::string_view question, std::span<const ReaderInput> passages,
                       const ReadOptions& options, ThreadPool* pool) const = 0;
  Reading Read(std::string_view question, std::span<const ReaderInput> passages,
               ThreadPool* pool) const {
    return Read(question, passages, ReadOptions(), pool);
  }

  // Abstain when none_weight is at least this (`--abstain auto`).
  virtual float abstain_threshold() const = 0;

  // For whoever reads with them (generator/doubt.h); Read leaves them alone.
  virtual AnswerSigns answer_signs() const { return {}; }

  virtual std::string name() const = 0;
};

}  // namespace fovea
