#include "tools/near_words.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "lib/base/ascii.h"
#include "lib/base/thread_pool.h"
#include "lib/kernels/gemm.h"
#include "lib/nn/encoder.h"
#include "lib/nn/encoder_weights.h"
#include "lib/nn/safetensors.h"
#include "lib/text/wordpiece.h"

namespace fovea::tools {
namespace {

constexpr std::size_t kLetters = 4;  // that a word has at least, and that tell its forms
constexpr std::size_t kNearest = 12;
constexpr std::size_t kBlock = 256;  // words compared at once

struct Words {
  std::vector<std::string> spelt;
  std::vector<std::size_t> rows;  // of the embeddings
};

Words WholeWords(const WordPiece& tokenizer) {
  Words words;
  for (int i = 0; i < tokenizer.vocabulary_size(); ++i) {
    const auto id = static_cast<TokenId>(i);
    std::string word = tokenizer.Decode(std::span(&id, 1));
    if (word.size() < kLetters ||
        !std::all_of(word.begin(), word.end(), [](char c) { return c >= 'a' && c <= 'z'; }))
      continue;
    const std::vector<TokenId> ids = tokenizer.EncodeIds(word);
    if (ids.size() != 3 || ids[1] != id) continue;
    words.spelt.push_back(std::move(word));
    words.rows.push_back(static_cast<std::size_t>(i));
  }
  return words;
}

// The rows, each of length 1.
Matrix UnitRows(ConstMatrixView embeddings, const std::vector<std::size_t>& rows) {
  Matrix unit(rows.size(), embeddings.cols);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::span<const float> from(embeddings.row(rows[i]), embeddings.cols);
    const float length =
        std::sqrt(std::inner_product(from.begin(), from.end(), from.begin(), 0.0f));
    std::transform(from.begin(), from.end(), unit.row(i).begin(),
                   [&](float value) { return length > 0 ? value / length : 0; });
  }
  return unit;
}

}  // namespace

NearWords::NearWords(const Encoder& encoder, const SafetensorsFile& weights, ThreadPool* pool) {
  const auto rows = static_cast<std::size_t>(encoder.tokenizer().vocabulary_size());
  const auto width = static_cast<std::size_t>(encoder.config().width);
  const std::vector<float> table =
      weights.Floats(BertPrefix(weights) + "embeddings.word_embeddings.weight", {rows, width});
  const Words words = WholeWords(encoder.tokenizer());
  const std::size_t count = words.spelt.size();
  const Matrix unit = UnitRows({table.data(), rows, width, width}, words.rows);
  Matrix cosines(kBlock, count);
  std::vector<std::vector<std::string>> near(count);
  for (std::size_t begin = 0; begin < count; begin += kBlock) {
    const std::size_t end = std::min(count, begin + kBlock);
    Gemm(unit.view().Rows(begin, end), unit.view(), {.transpose_b = true},
         cosines.view().Rows(0, end - begin), pool);
    ParallelFor(pool, end - begin, 16, [&](std::size_t first, std::size_t last) {
      std::vector<std::size_t> order(count);
      for (std::size_t i = first; i < last; ++i) {
        const std::span<const float> row = cosines.row(i);
        std::iota(order.begin(), order.end(), std::size_t{0});
        // The word itself is the nearest.
        std::partial_sort(order.begin(), order.begin() + std::min(count, kNearest + 1), order.end(),
                          [&](std::size_t a, std::size_t b) {
                            return std::pair(-row[a], a) < std::pair(-row[b], b);
                          });
        const std::string& word = words.spelt[begin + i];
        for (std::size_t n = 0; n < std::min(count, kNearest + 1); ++n) {
          const std::string& other = words.spelt[order[n]];
          if (other.compare(0, kLetters, word, 0, kLetters) != 0) near[begin + i].push_back(other);
        }
      }
    });
  }
  for (std::size_t i = 0; i < count; ++i) lists_.emplace(words.spelt[i], std::move(near[i]));
}

NearWords::NearWords(std::map<std::string, std::vector<std::string>, std::less<>> lists)
    : lists_(std::move(lists)) {}

std::span<const std::string> NearWords::Of(std::string_view word) const {
  const auto found = lists_.find(word);
  return found == lists_.end() ? std::span<const std::string>() : found->second;
}

}  // namespace fovea::tools
