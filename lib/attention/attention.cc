// Scores and weighted sums are products with panels of 16 keys and of 16 value columns, so that
// they run on the matmul kernels. Scores of a block of queries are kept whole: a softmax over the
// row needs no rescaling and gives the weights.

#include "lib/attention/attention.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "lib/attention/key_value_source.h"
#include "lib/attention/mask_sequences.h"
#include "lib/base/error.h"
#include "lib/base/round_up.h"
#include "lib/base/thread_pool.h"
#include "lib/kernels/kernel_table.h"
#include "lib/kernels/kernels.h"

namespace fovea {
namespace {

// Keys packed at a time. Key blocks begin at multiples of it from the sequence's first key.
constexpr std::size_t kKeyBlock = kGroupPanels * kPanelWidth;
// Rows (queries × heads of a group) of a task: enough to pay for packing the keys, few enough for
// the second-level cache.
constexpr std::size_t kTaskRows = 96;
constexpr std::size_t kTaskScores = 1 << 17;

[[noreturn]] void Fail(const std::string& what) {
  throw Error(ErrorCode::kInvalidArgument, "attention: " + what);
}

struct Geometry {
  std::size_t heads;
  std::size_t group;  // heads that share a key/value head
  std::size_t width;  // Dh
  float scale;
};

// Queries [query_begin, query_end) of a sequence.
struct Task {
  MaskSequence sequence;
  std::size_t query_begin;
  std::size_t query_end;
  std::size_t kv_head;
};

struct Scratch {
  Matrix keys;                       // one key block of one head: packed keys, or packed values
  Matrix queries;                    // [rows, Dh], scaled
  Matrix scores;                     // [rows, keys]
  Matrix sums;                       // [rows, Dh rounded up]
  std::vector<const float*> values;  // of a key block: the panels of its values
};

class Attention {
 public:
  Attention(const AttentionShape& shape, ConstMatrixView query, const KeyValueSource& keys_values,
            const AttentionMask& mask, MatrixView out, MatrixView weights);
  void Run(ThreadPool* pool) const;

 private:
  void Check(const AttentionShape& shape) const;
  std::vector<Task> Tasks() const;
  std::size_t TaskQueries(std::size_t keys) const;
  // Whether so few rows read the cache's halves that to convert these first would cost more.
  bool ReadsHalves(std::size_t rows) const;
  void RunTask(const Task& task, Scratch& scratch) const;
  void Scores(const Task& task, Scratch& scratch) const;
  void Softmaxes(const Task& task, Scratch& scratch) const;
  void ScoresOfHalves(const Task& task, std::size_t visible, Scratch& scratch) const;
  void WeightedSums(const Task& task, Scratch& scratch) const;
  void WeightedSumsOfHalves(const Task& task, std::size_t visible, Scratch& scratch) const;
  // sums of the panels panel_at(p), a group at a time; the rest of `product` is set.
  template <typename PanelAt>
  void MultiplyHalves(PackedProduct product, std::size_t panels, float* sums,
                      const PanelAt& panel_at) const;
  void WeightedSumsOfBlock(const Task& task, std::size_t key, std::size_t count,
                           Scratch& scratch) const;

  ConstMatrixView query_;
  KeyValueSource keys_values_;
  const AttentionMask& mask_;
  MatrixView out_;
  MatrixView weights_;
  Geometry geometry_;
  const KernelTable& kernels_;
};

Attention::Attention(const AttentionShape& shape, ConstMatrixView query,
                     const KeyValueSource& keys_values, const AttentionMask& mask, MatrixView out,
                     MatrixView weights)
    : query_(query),
      keys_values_(keys_values),
      mask_(mask),
      out_(out),
      weights_(weights),
      kernels_(CurrentKernels()) {
  Check(shape);
  geometry_.heads = static_cast<std::size_t>(shape.heads);
  geometry_.group = static_cast<std::size_t>(shape.heads / shape.kv_heads);
  geometry_.width = static_cast<std::size_t>(shape.head_width);
  geometry_.scale =
      shape.scale != 0 ? shape.scale : 1.0f / std::sqrt(static_cast<float>(shape.head_width));
}

void Attention::Check(const AttentionShape& shape) const {
  if (shape.heads < 1 || shape.kv_heads < 1 || shape.head_width < 1 ||
      shape.heads % shape.kv_heads != 0) {
    Fail(std::to_string(shape.heads) + " heads of width " + std::to_string(shape.head_width) +
         " over " + std::to_string(shape.kv_heads) + " key/value heads");
  }
  const std::size_t width =
      static_cast<std::size_t>(shape.heads) * static_cast<std::size_t>(shape.head_width);
  if (query_.cols != width || out_.cols != width)
    Fail("the widths of query or output are not those of the heads");
  keys_values_.Check(shape);
  if (out_.rows != query_.rows) Fail("as many outputs as queries are needed");
  if (weights_.data != nullptr &&
      (weights_.rows != static_cast<std::size_t>(shape.heads) * query_.rows ||
       weights_.cols != keys_values_.tokens)) {
    Fail("the weights must be [heads · queries, keys]");
  }
  const auto& queries = mask_.query_starts;
  const auto& keys = mask_.key_starts;
  if (queries.size() != keys.size()) Fail("as many key as query sequences are needed");
  if (queries.empty()) return;
  if (!std::is_sorted(queries.begin(), queries.end()) ||
      !std::is_sorted(keys.begin(), keys.end()) || queries.front() != 0 ||
      queries.back() != query_.rows || keys.back() > keys_values_.tokens) {
    Fail("sequence starts must ascend, cover all queries and stay within the keys");
  }
}

std::size_t Attention::TaskQueries(std::size_t keys) const {
  const std::size_t rows = std::min(kTaskRows, kTaskScores / std::max<std::size_t>(keys, 1));
  return std::max<std::size_t>(rows / geometry_.group, 1);
}

std::vector<Task> Attention::Tasks() const {
  const std::size_t kv_heads = geometry_.heads / geometry_.group;
  std::vector<Task> tasks;
  for (const MaskSequence& sequence : SequencesOf(mask_, query_.rows, keys_values_.tokens)) {
    const std::size_t step = TaskQueries(sequence.key_end - sequence.key_begin);
    for (std::size_t head = 0; head < kv_heads; ++head) {
      for (std::size_t q = sequence.query_begin; q < sequence.query_end; q += step)
        tasks.push_back({sequence, q, std::min(q + step, sequence.query_end), head});
    }
  }
  return tasks;
}

void Attention::Run(ThreadPool* pool) const {
  const std::vector<Task> tasks = Tasks();
  const auto body = [&](std::size_t begin, std::size_t end) {
    Scratch scratch;
    for (std::size_t i = begin; i < end; ++i) RunTask(tasks[i], scratch);
  };
  // Few tasks: one each, so that all threads get some. Many: scratch is shared by several.
  const std::size_t grain = std::clamp<std::size_t>(tasks.size() / 64, 1, 16);
  ParallelFor(pool, tasks.size(), grain, body);
}

bool Attention::ReadsHalves(std::size_t rows) const {
  return keys_values_.HoldsHalves() && rows <= kFewRows;
}

void Attention::RunTask(const Task& task, Scratch& scratch) const {
  const std::size_t rows = (task.query_end - task.query_begin) * geometry_.group;
  const std::size_t keys = task.sequence.key_end - task.sequence.key_begin;
  const std::size_t padded_width = RoundUp(geometry_.width, kPanelWidth);
  Reserve(scratch.keys, kKeyBlock, padded_width);
  Reserve(scratch.queries, rows, geometry_.width);
  Reserve(scratch.scores, rows, RoundUp(keys, kKeyBlock) + kPanelWidth);
  Reserve(scratch.sums, rows, padded_width);
  Scores(task, scratch);
  Softmaxes(task, scratch);
  WeightedSums(task, scratch);
}

// Row r of the scratch is query r / group with head kv_head · group + r % group.
void Attention::Scores(const Task& task, Scratch& scratch) const {
  const auto& [heads, group, width, scale] = geometry_;
  const std::size_t rows = (task.query_end - task.query_begin) * group;
  for (std::size_t r = 0; r < rows; ++r) {
    const float* row =
        query_.row(task.query_begin + r / group) + (task.kv_head * group + r % group) * width;
    std::copy_n(row, width, scratch.queries.row(r).data());
    kernels_.scale(scratch.queries.row(r).data(), width, scale);
  }
  const std::size_t visible = task.sequence.Visible(mask_, task.query_end - 1);
  if (ReadsHalves(rows)) return ScoresOfHalves(task, visible, scratch);
  for (std::size_t key = 0; key < visible; key += kKeyBlock) {
    const std::size_t count = std::min(kKeyBlock, visible - key);
    PanelProduct product = {};
    product.input = scratch.queries.data();
    product.input_stride = width;
    product.rows = rows;
    product.inputs = width;
    product.panel_count = Pieces(count, kPanelWidth);
    product.sums = scratch.scores.data() + key;
    product.sums_stride = scratch.scores.cols();
    for (std::size_t p = 0; p < product.panel_count; ++p) {
      const std::size_t first = key + p * kPanelWidth;
      product.panels[p] = keys_values_.KeyPanel(
          task.kv_head, width, task.sequence.key_begin + first,
          std::min(kPanelWidth, visible - first), scratch.keys.data() + p * kPanelWidth * width);
    }
    kernels_.multiply_panels(product);
  }
}

template <typename PanelAt>
void Attention::MultiplyHalves(PackedProduct product, std::size_t panels, float* sums,
                               const PanelAt& panel_at) const {
  for (std::size_t p = 0; p < panels; p += kGroupPanels) {
    product.panel_count = std::min(kGroupPanels, panels - p);
    for (std::size_t i = 0; i < product.panel_count; ++i) product.panels[i] = panel_at(p + i);
    product.sums = sums + p * kPanelWidth;
    kernels_.multiply_f16(product);
  }
}

void Attention::ScoresOfHalves(const Task& task, std::size_t visible, Scratch& scratch) const {
  PackedProduct product = {};
  product.input = scratch.queries.data();
  product.input_stride = geometry_.width;
  product.rows = (task.query_end - task.query_begin) * geometry_.group;
  product.inputs = geometry_.width;
  product.sums_stride = scratch.scores.cols();
  MultiplyHalves(product, Pieces(visible, kPanelWidth), scratch.scores.data(),
                 [&](std::size_t p) { return keys_values_.cached->KeyPanel(task.kv_head, p); });
}

void Attention::Softmaxes(const Task& task, Scratch& scratch) const {
  const std::size_t rows = (task.query_end - task.query_begin) * geometry_.group;
  for (std::size_t r = 0; r < rows; ++r) {
    const std::size_t query = task.query_begin + r / geometry_.group;
    const std::size_t visible = task.sequence.Visible(mask_, query);
    kernels_.softmax(scratch.scores.row(r).data(), visible);
    if (weights_.data == nullptr) continue;
    const std::size_t head = task.kv_head * geometry_.group + r % geometry_.group;
    float* weights = weights_.row(head * query_.rows + query);
    std::fill_n(weights, weights_.cols, 0.0f);
    std::copy_n(scratch.scores.row(r).data(), visible, weights + task.sequence.key_begin);
  }
}

void Attention::WeightedSums(const Task& task, Scratch& scratch) const {
  const auto& [heads, group, width, scale] = geometry_;
  const std::size_t rows = (task.query_end - task.query_begin) * group;
  const std::size_t visible = task.sequence.Visible(mask_, task.query_end - 1);
  if (ReadsHalves(rows) && rows == group) {
    WeightedSumsOfHalves(task, visible, scratch);
  } else {
    std::fill_n(scratch.sums.data(), rows * scratch.sums.cols(), 0.0f);
    for (std::size_t key = 0; key < visible; key += kKeyBlock)
      WeightedSumsOfBlock(task, key, std::min(kKeyBlock, visible - key), scratch);
  }
  for (std::size_t r = 0; r < rows; ++r) {
    std::copy_n(
        scratch.sums.row(r).data(), width,
        out_.row(task.query_begin + r / group) + (task.kv_head * group + r % group) * width);
  }
}

// Of one query, whose rows all see the same keys.
void Attention::WeightedSumsOfHalves(const Task& task, std::size_t visible,
                                     Scratch& scratch) const {
  PackedProduct product = {};
  product.input = scratch.scores.data();
  product.input_stride = scratch.scores.cols();
  product.rows = geometry_.group;
  product.inputs = visible;
  product.sums_stride = scratch.sums.cols();
  MultiplyHalves(product, Pieces(geometry_.width, kPanelWidth), scratch.sums.data(),
                 [&](std::size_t p) { return keys_values_.cached->ValuePanel(task.kv_head, p); });
}

// Adds keys [key, key + count) to the sums. Rows that see all of the block go together; each of the
// others alone, so that no key that it may not see is ever multiplied.
void Attention::WeightedSumsOfBlock(const Task& task, std::size_t key, std::size_t count,
                                    Scratch& scratch) const {
  const auto& [heads, group, width, scale] = geometry_;
  const std::size_t rows = (task.query_end - task.query_begin) * group;
  const std::size_t panels = Pieces(width, kPanelWidth);
  scratch.values.resize(panels);
  for (std::size_t p = 0; p < panels; ++p)
    scratch.values[p] =
        keys_values_.ValuePanel(task.kv_head, width, p, task.sequence.key_begin + key, count,
                                scratch.keys.data() + p * kKeyBlock * kPanelWidth);
  const auto multiply = [&](std::size_t row, std::size_t row_count, std::size_t inputs) {
    if (row_count == 0 || inputs == 0) return;
    PanelProduct product = {};
    product.input = scratch.scores.row(row).data() + key;
    product.input_stride = scratch.scores.cols();
    product.rows = row_count;
    product.inputs = inputs;
    product.sums_stride = scratch.sums.cols();
    product.accumulate = true;
    for (std::size_t p = 0; p < panels; p += kGroupPanels) {
      product.panel_count = std::min(kGroupPanels, panels - p);
      for (std::size_t i = 0; i < product.panel_count; ++i)
        product.panels[i] = scratch.values[p + i];
      product.sums = scratch.sums.row(row).data() + p * kPanelWidth;
      kernels_.multiply_panels(product);
    }
  };
  // Later queries see no fewer keys, so those that see the whole block are the last ones.
  std::size_t row = 0;
  for (; row < rows; row += group) {
    const std::size_t visible = task.sequence.Visible(mask_, task.query_begin + row / group);
    if (visible >= key + count) break;
    if (visible > key) multiply(row, group, visible - key);
  }
  multiply(row, rows - row, count);
}

}  // namespace

void ScaledDotProductAttention(const AttentionShape& shape, ConstMatrixView query,
                               ConstMatrixView key, ConstMatrixView value,
                               const AttentionMask& mask, MatrixView out, MatrixView weights,
                               ThreadPool* pool) {
  Attention(shape, query, {.key = key, .value = value, .tokens = key.rows}, mask, out, weights)
      .Run(pool);
}

void CachedAttention(const AttentionShape& shape, ConstMatrixView query,
                     const KeyValuePanels& cached, std::size_t tokens, MatrixView out,
                     ThreadPool* pool) {
  if (query.rows > tokens) Fail("the queries must be among the tokens of the cache");
  const AttentionMask mask = {.causal = true,
                              .causal_offset = static_cast<std::ptrdiff_t>(tokens) -
                                               static_cast<std::ptrdiff_t>(query.rows)};
  Attention(shape, query, {.cached = &cached, .tokens = tokens}, mask, out, {}).Run(pool);
}

std::vector<float> AttentionWeights(std::span<const float> query, ConstMatrixView keys,
                                    float temperature) {
  if (!(temperature > 0)) Fail("temperature " + std::to_string(temperature) + " must be positive");
  std::vector<float> weights(keys.rows);
  if (weights.empty()) return weights;
  DotRows(query, keys, weights);
  for (float& weight : weights) weight /= temperature;
  SoftmaxInPlace(weights);
  return weights;
}

}  // namespace fovea
