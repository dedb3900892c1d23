// The first form of the reader: one attention head from the question's embedding over the sentences' embeddings,
// softmax(q·k/τ) over all passages together (a passage's weight is its sentences' mass), and a slot for "none of these" of fixed logit.

#pragma once

#include "lib/nn/encoder.h"
#include "lib/reader/reader.h"

namespace fovea {

struct EmbeddingReaderOptions {
  // Softmax temperature τ over cosines: smaller is sharper. (Default by measurement: docs/architecture.md.)
  float temperature = 0.05f;
  // The cosine that the "none" slot stands for.
  float none_score = 0.25f;
  float abstain_threshold = 0.5f;
};

class EmbeddingReader final : public Reader {
 public:
  // Borrows the encoder, which must outlive the reader.
  explicit EmbeddingReader(const Encoder& encoder, const EmbeddingReaderOptions& options = {});

  Reading Read(std::string_view question, std::span<const ReaderInput> passages, ThreadPool* pool) const override;
  float abstain_threshold() const override { return options_.abstain_threshold; }
  std::string name() const override { return "embedding"; }

 private:
  const Encoder& encoder_;
  EmbeddingReaderOptions options_;
};

}  // namespace fovea
