// In-context examples: questions with the answers they should get, of which the decoder is shown
// those nearest to the question asked (Liu et al. 2022).
//
// Immutable once made; shared by threads.

#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/base/ids.h"
#include "lib/kernels/matrix.h"

namespace fovea {

class Encoder;
class ThreadPool;

using Example = std::pair<std::string, std::string>;  // question, answer

struct NearExample {
  Example example;
  float similarity = 0;  // cosine of its question to the one asked
};

class ExampleSet {
 public:
  // Embeds the examples' questions, once. Borrows the encoder, which must outlive the set. Throws
  // Error(kInvalidArgument) that gives the number of an example whose question or answer is blank.
  ExampleSet(std::vector<Example> examples, const Encoder& encoder, ThreadPool* pool);

  // The `k` (>= 0) nearest, or all if there are fewer, the nearest last: what stands next to the
  // question has most weight. Of equally near ones the earlier counts as nearer.
  std::vector<NearExample> Nearest(std::string_view question, int k, ThreadPool* pool) const;

  // Examples whose question is longer than the encoder's window: they are compared by its
  // beginning.
  std::size_t questions_cut() const { return questions_cut_; }

 private:
  Matrix Embed(std::span<const std::vector<TokenId>> tokens, ThreadPool* pool) const;

  std::vector<Example> examples_;
  const Encoder& encoder_;
  Matrix vectors_;  // [examples, D], unit length
  std::size_t questions_cut_ = 0;
};

}  // namespace fovea
