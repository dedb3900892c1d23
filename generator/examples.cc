#include "generator/examples.h"

#include <algorithm>
#include <numeric>

#include "generator/grounding.h"
#include "lib/base/error.h"
#include "lib/kernels/kernels.h"
#include "lib/nn/encoder.h"

namespace fovea {

ExampleSet::ExampleSet(std::vector<Example> examples, const Encoder& encoder, ThreadPool* pool)
    : examples_(std::move(examples)), encoder_(encoder) {
  std::vector<std::vector<TokenId>> tokens;
  for (std::size_t i = 0; i < examples_.size(); ++i) {
    const auto& [question, answer] = examples_[i];
    if (CollapseSpace(question).empty() || CollapseSpace(answer).empty()) {
      throw Error(ErrorCode::kInvalidArgument,
                  "in-context example " + std::to_string(i + 1) + ": question or answer is blank");
    }
    int cut = 0;
    tokens.push_back(encoder.Tokenize(encoder.config().query_prompt + question, &cut));
    questions_cut_ += cut > 0;
  }
  vectors_ = Embed(tokens, pool);
}

std::vector<NearExample> ExampleSet::Nearest(std::string_view question, int k,
                                             ThreadPool* pool) const {
  const std::size_t count = std::min(static_cast<std::size_t>(k), examples_.size());
  if (count == 0) return {};
  const std::vector<std::vector<TokenId>> tokens = {
      encoder_.Tokenize(encoder_.config().query_prompt + std::string(question))};
  const Matrix asked = Embed(tokens, pool);
  std::vector<float> similarity(examples_.size());
  DotRows(asked.row(0), vectors_.view(), similarity);
  std::vector<std::size_t> order(examples_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return similarity[a] > similarity[b]; });
  std::vector<NearExample> nearest;
  for (std::size_t rank = count; rank-- > 0;)
    nearest.push_back({examples_[order[rank]], similarity[order[rank]]});
  return nearest;
}

Matrix ExampleSet::Embed(std::span<const std::vector<TokenId>> tokens, ThreadPool* pool) const {
  Matrix vectors = encoder_.Embed(tokens, pool);
  for (std::size_t row = 0; row < vectors.rows(); ++row) NormalizeInPlace(vectors.row(row));
  return vectors;
}

}  // namespace fovea
