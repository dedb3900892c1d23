// The first form of the reader: one attention head from the question over the sentences of all
// passages together.
//
//   logit(s) = (q·k_s + dense_weight · q·p + lexical_weight · bm25(p)/max bm25 + overlap_weight ·
//   overlap(s)) / τ
//
// softmax over every sentence and one slot for "none of these"; a passage's weight is its
// sentences' mass. q, k_s and p are the encoder's vectors of the question, of the sentence (its
// document's title in front) and of the passage; overlap(s) is the share of the question's words
// found in s, rare words (by the sentences read) counting more.

#pragma once

#include "lib/nn/encoder.h"
#include "lib/reader/reader.h"

namespace fovea {

// Defaults by measurement on SQuAD-type questions over Wikipedia paragraphs: docs/architecture.md.
struct EmbeddingReaderOptions {
  // Softmax temperature τ over the scores: smaller is sharper. > 0.
  float temperature = 0.06f;
  float dense_weight = 0.5f;
  float lexical_weight = 0.2f;
  float overlap_weight = 0.5f;
  // The score that the "none" slot stands for (lexical_weight is added where passages carry BM25
  // scores, as the best one has it).
  float none_score = 0.54f;
  float abstain_threshold = 0.5f;

  // Throws Error(kInvalidArgument) that names the option.
  void validate() const;
};

class EmbeddingReader final : public Reader {
 public:
  // Borrows the encoder, which must outlive the reader.
  explicit EmbeddingReader(const Encoder& encoder, const EmbeddingReaderOptions& options = {});

  using Reader::Read;
  Reading Read(std::string_view question, std::span<const ReaderInput> passages,
               const ReadOptions& options, ThreadPool* pool) const override;
  float abstain_threshold() const override { return options_.abstain_threshold; }
  std::string name() const override { return "embedding"; }

 private:
  const Encoder& encoder_;
  EmbeddingReaderOptions options_;
};

}  // namespace fovea
