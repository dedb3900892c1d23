// From the network's logits to what a reader returns: one softmax over the tokens of all passages,
// and a "none" of each, for the answer's start, one for its end (Clark and Gardner 2018).

#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "lib/reader/reader.h"
#include "lib/reader/reader_model.h"
#include "lib/reader/reader_windows.h"

namespace fovea {

struct AnswerDistribution {
  // [windows][text tokens]. With none, those of tokens that are their window's own sum to 1.
  std::vector<std::vector<double>> start;
  std::vector<std::vector<double>> end;
  double none_start = 1;
  double none_end = 1;
};

// fits: r_p of each window, the retrieval scores in it. Doubts of `passages` lower the logits of
// their tokens. The result does not depend on the order of
// the windows.
AnswerDistribution Distribute(std::span<const ReaderInput> passages,
                              std::span<const ReaderWindow> windows,
                              std::span<const WindowLogits> logits, std::span<const float> fits);

// Weights of `passages`, of their sentences and tokens, and the likeliest spans, at most `spans`
// that do not overlap. A sentence weighs the mean of its tokens' start and end probabilities, a
// passage what its sentences weigh together, "none of these" the rest.
Reading ReadDistribution(std::span<const ReaderInput> passages,
                         std::span<const ReaderWindow> windows,
                         std::span<const WindowLogits> logits,
                         const AnswerDistribution& distribution, std::size_t spans);

}  // namespace fovea
