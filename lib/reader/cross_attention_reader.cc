#include "lib/reader/cross_attention_reader.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "lib/base/error.h"
#include "lib/base/hash.h"
#include "lib/base/thread_pool.h"
#include "lib/kernels/isa.h"
#include "lib/reader/answer_distribution.h"

namespace fovea {
namespace {

constexpr std::size_t kSpans = 5;

// The key of a window's states: what they are computed from, besides the model.
std::string KeyOf(const ReaderWindow& window) {
  const auto bytes = std::as_bytes(std::span(window.tokens));
  return ContentHash({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

std::string FingerprintOf(const ReaderFile& file, const Encoder& base) {
  ContentHasher hasher;
  hasher.Update(file.Fingerprint());
  hasher.Update(base.fingerprint());
  // Frozen layers run in the base's own precision; kernels of two instruction sets may round
  // differently.
  hasher.Update(Name(base.precision()));
  hasher.Update(Name(CurrentIsa()));
  return hasher.Hex();
}

bool HasShapeOf(const RowCodes& states, const ReaderWindow& window, std::size_t width) {
  return states.scales.size() == window.tokens.size() &&
         states.codes.size() == window.tokens.size() * width;
}

Matrix Expand(const RowCodes& codes, std::size_t width) {
  Matrix states(codes.scales.size(), width);
  DequantizeRows(codes.codes, codes.scales, states.view());
  return states;
}

// Cosines; a passage without one is taken for as near as the farthest that has one.
std::vector<float> DenseScores(std::span<const ReaderInput> passages) {
  float least = std::numeric_limits<float>::infinity();
  for (const ReaderInput& passage : passages)
    least = std::min(least, passage.dense_score.value_or(least));
  std::vector<float> scores;
  for (const ReaderInput& passage : passages)
    scores.push_back(passage.dense_score.value_or(std::isfinite(least) ? least : 0));
  return scores;
}

std::vector<float> LessTheBest(std::vector<float> scores) {
  if (scores.empty()) return scores;
  const float best = *std::max_element(scores.begin(), scores.end());
  for (float& score : scores) score -= best;
  return scores;
}

}  // namespace

CrossAttentionReader::CrossAttentionReader(const std::filesystem::path& file, const Encoder& base,
                                           ThreadPool* pool, Precision precision)
    : CrossAttentionReader(ReaderFile(file), base, pool, precision) {}

CrossAttentionReader::CrossAttentionReader(const ReaderFile& file, const Encoder& base,
                                           ThreadPool* pool, Precision precision)
    : model_(file, base, precision, pool),
      abstain_threshold_(file.info().abstain_threshold),
      retrieval_weight_(file.info().retrieval_weight),
      answer_signs_(file.info().answer_signs),
      fingerprint_(FingerprintOf(file, base)) {}

void CrossAttentionReader::AddWindows(const Passage& passage, std::size_t number,
                                      std::vector<ReaderWindow>& windows) const {
  const Encoder& base = model_.base();
  for (ReaderWindow& window : SplitIntoWindows(base.tokenizer(), passage, number,
                                               static_cast<std::size_t>(base.config().max_tokens)))
    windows.push_back(std::move(window));
}

Reading CrossAttentionReader::Read(std::string_view question, std::span<const ReaderInput> passages,
                                   const ReadOptions& options, ThreadPool* pool) const {
  CheckQuestion(question);
  std::vector<ReaderWindow> windows;
  for (std::size_t p = 0; p < passages.size(); ++p) AddWindows(*passages[p].passage, p, windows);
  const std::vector<std::vector<TokenId>> tokens = {model_.base().Tokenize(question)};
  const std::vector<Matrix> asked = model_.Apart(tokens, pool);
  const std::vector<WindowLogits> logits =
      model_.Joint(asked.front(), StatesOf(windows, pool), options.attention, pool);
  Reading reading = ReadDistribution(
      passages, windows, logits,
      Distribute(passages, windows, logits, Fits(passages, windows, logits)), kSpans);
  if (options.attention == AttentionDetail::kHeads)
    reading.axes = Axes(question, tokens.front().size());
  return reading;
}

// A question longer than the window is read up to `tokens`, the last of them its end marker.
AttentionAxes CrossAttentionReader::Axes(std::string_view question, std::size_t tokens) const {
  AttentionAxes axes{model_.joint_layers(), model_.heads(),
                     model_.base().tokenizer().Encode(question).ranges};
  axes.question.resize(tokens);
  axes.question.back() = {};
  return axes;
}

std::vector<float> CrossAttentionReader::Fits(std::span<const ReaderInput> passages,
                                              std::span<const ReaderWindow> windows,
                                              std::span<const WindowLogits> logits) const {
  const std::array<float, 2> weights = model_.score_weights();
  const std::vector<float> dense = LessTheBest(DenseScores(passages));
  const std::vector<float> lexical = LessTheBest(LexicalShares(passages));
  std::vector<float> fits;
  for (std::size_t w = 0; w < windows.size(); ++w) {
    const std::size_t p = windows[w].passage;
    fits.push_back(logits[w].fit + (weights[0] + retrieval_weight_) * dense[p] +
                   (weights[1] + retrieval_weight_) * lexical[p]);
  }
  return fits;
}

std::vector<Matrix> CrossAttentionReader::StatesOf(std::span<const ReaderWindow> windows,
                                                   ThreadPool* pool) const {
  if (model_.precision() == Precision::kInt8) return RoundedStates(windows, pool);
  std::vector<std::vector<TokenId>> sequences;
  for (const ReaderWindow& window : windows) sequences.push_back(window.tokens);
  return model_.Apart(sequences, pool);
}

std::vector<Matrix> CrossAttentionReader::RoundedStates(std::span<const ReaderWindow> windows,
                                                        ThreadPool* pool) const {
  std::vector<Matrix> states(windows.size());
  std::vector<std::string> keys, missing_keys;
  std::vector<std::size_t> missing;
  std::vector<std::vector<TokenId>> sequences;
  if (cache_ != nullptr) {
    for (const ReaderWindow& window : windows) keys.push_back(KeyOf(window));
  }
  const std::vector<std::optional<RowCodes>> kept =
      cache_ != nullptr ? cache_->Get(keys) : std::vector<std::optional<RowCodes>>(windows.size());
  for (std::size_t w = 0; w < windows.size(); ++w) {
    if (kept[w] && HasShapeOf(*kept[w], windows[w], model_.width())) {
      states[w] = Expand(*kept[w], model_.width());
      continue;
    }
    missing.push_back(w);
    sequences.push_back(windows[w].tokens);
    if (cache_ != nullptr) missing_keys.push_back(keys[w]);
  }
  const std::vector<Matrix> computed = model_.Apart(sequences, pool);
  std::vector<RowCodes> codes(missing.size());
  ParallelFor(pool, missing.size(), 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      codes[i] = QuantizeRows(computed[i].view());
      states[missing[i]] = Expand(codes[i], model_.width());
    }
  });
  if (cache_ != nullptr && !missing.empty()) cache_->Put(missing_keys, codes);
  return states;
}

void CrossAttentionReader::CacheStates(std::span<const Passage> passages, ThreadPool* pool) const {
  if (cache_ == nullptr || model_.precision() != Precision::kInt8) return;
  std::vector<ReaderWindow> windows;
  for (std::size_t p = 0; p < passages.size(); ++p) AddWindows(passages[p], p, windows);
  RoundedStates(windows, pool);
}

}  // namespace fovea
