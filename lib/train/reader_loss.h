// The reader's loss on its logits, with the gradient.

#pragma once

#include "lib/train/reader_network.h"

namespace fovea {

// Loss of one question (reader_network.h has the formula); `gradient` receives d total / d logits,
// in the shape of the logits. d/d passage covers the rank term alone: what the others owe to r_p is
// in start, end and none. `teacher` may be null where it has no weight; else
// Error(kInvalidArgument) if it is, or is not of the logits' shape.
ReaderLoss LossOf(const ReaderQuestion& question, const ReaderLogits& logits,
                  const ReaderLogits* teacher, const ReaderLossWeights& weights,
                  ReaderLogits& gradient);

}  // namespace fovea
