// The reader's loss on its logits, with the gradient.

#pragma once

#include "lib/train/reader_network.h"

namespace fovea {

struct ReaderLossTerms {
  double span = 0;
  double local = 0;
  double rank = 0;
};

// Loss of one question (reader_network.h has the formula); `gradient` receives d loss / d logits
// of span + weights.local · local + weights.rank · rank, in the shape of the logits. d/d passage
// covers the rank term alone: what the others owe to r_p is in start, end and none.
ReaderLossTerms LossOf(const ReaderQuestion& question, const ReaderLogits& logits,
                       const ReaderLossWeights& weights, ReaderLogits& gradient);

}  // namespace fovea
