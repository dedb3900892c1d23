// The reader's loss on its logits, with the gradient.

#pragma once

#include <cstddef>

namespace fovea {

struct ReaderLogits;
struct ReaderQuestion;

struct ReaderLossWeights {
  float shared = 1.0f;  // of the softmax over all passages' answers
  float local = 1.0f;
  float rank = 0.5f;
  float teacher = 0;         // 0: the data alone … 1: the teacher alone
  float temperature = 2.0f;  // T of the teacher's terms

  // Throws Error(kInvalidArgument) that names the field.
  void Validate() const;
};

// Mean over questions.
struct ReaderLoss {
  double span = 0;
  double local = 0;
  double rank = 0;
  // T² KL of all terms, with their weights; of a question that no passage answers the data's own.
  double teacher = 0;
  std::size_t questions = 0;

  double data(const ReaderLossWeights& weights) const {
    return static_cast<double>(weights.shared) * span + static_cast<double>(weights.local) * local +
           static_cast<double>(weights.rank) * rank;
  }
  double total(const ReaderLossWeights& weights) const {
    const auto taught = static_cast<double>(weights.teacher);
    return (1 - taught) * data(weights) + taught * teacher;
  }
  // The mean over both's questions.
  void Add(const ReaderLoss& other);
};

// Loss of one question (reader_network.h has the formula); `gradient` receives d total / d logits,
// in the shape of the logits. d/d passage covers the rank term alone: what the others owe to r_p is
// in start, end and none. `teacher` may be null where it has no weight; else
// Error(kInvalidArgument) if it is, or is not of the logits' shape.
ReaderLoss LossOf(const ReaderQuestion& question, const ReaderLogits& logits,
                  const ReaderLogits* teacher, const ReaderLossWeights& weights,
                  ReaderLogits& gradient);

}  // namespace fovea
