#include "lib/train/embedding_layer.h"

#include <algorithm>
#include <numeric>

#include "lib/base/error.h"
#include "lib/base/thread_pool.h"
#include "lib/kernels/kernel_table.h"
#include "lib/nn/row_blocks.h"

namespace fovea {
namespace {

// Rows of the three tables that each token has.
struct TableRows {
  std::vector<std::size_t> word, position, type;
};

std::size_t Checked(std::int64_t row, const Parameter& table, const char* what) {
  if (row < 0 || static_cast<std::size_t>(row) >= table.value.rows()) {
    throw Error(ErrorCode::kInvalidArgument, "embeddings: " + std::string(what) + " " +
                                                 std::to_string(row) + " is beyond the table of " +
                                                 std::to_string(table.value.rows()));
  }
  return static_cast<std::size_t>(row);
}

TableRows RowsOf(const EmbeddingLayer& layer, const TokenBatch& tokens) {
  const std::size_t count = tokens.ids.size();
  if (tokens.starts.empty() || tokens.starts.front() != 0 || tokens.starts.back() != count ||
      !std::is_sorted(tokens.starts.begin(), tokens.starts.end()) ||
      (!tokens.types.empty() && tokens.types.size() != count)) {
    throw Error(ErrorCode::kInvalidArgument,
                "embeddings: the sequences' starts must go from 0 to the " + std::to_string(count) +
                    " tokens, with a type for each or none");
  }
  TableRows rows;
  for (std::size_t s = 0; s + 1 < tokens.starts.size(); ++s) {
    for (std::size_t t = tokens.starts[s]; t < tokens.starts[s + 1]; ++t) {
      rows.word.push_back(Checked(Value(tokens.ids[t]), layer.word, "token"));
      rows.position.push_back(
          Checked(static_cast<std::int64_t>(t - tokens.starts[s]), layer.position, "position"));
      rows.type.push_back(Checked(tokens.types.empty() ? 0 : tokens.types[t], layer.type, "type"));
    }
  }
  return rows;
}

// table[rows[t]] += gradient[t]. Each row of the table is one thread's, its terms in order of t.
void ScatterAdd(ConstMatrixView gradient, const std::vector<std::size_t>& rows, Matrix& table,
                ThreadPool* pool) {
  std::vector<std::size_t> order(rows.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return rows[a] < rows[b]; });
  std::vector<std::size_t> begins;  // in `order`, of each row that occurs
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (i == 0 || rows[order[i]] != rows[order[i - 1]]) begins.push_back(i);
  }
  begins.push_back(order.size());
  const KernelTable& kernels = CurrentKernels();
  ForRowBlocks(begins.size() - 1, pool, [&](std::size_t begin, std::size_t end) {
    for (std::size_t b = begin; b < end; ++b) {
      for (std::size_t i = begins[b]; i < begins[b + 1]; ++i)
        kernels.add_scaled(gradient.row(order[i]), gradient.cols, 1,
                           table.row(rows[order[i]]).data());
    }
  });
}

}  // namespace

EmbeddingLayer EmbeddingLayer::Make(const std::string& prefix, const EmbeddingSizes& sizes) {
  const auto table = [&](const char* name, std::size_t rows) {
    return MakeParameter(prefix + name + ".weight", rows, sizes.width, true);
  };
  return {table("word_embeddings", sizes.vocabulary), table("position_embeddings", sizes.positions),
          table("token_type_embeddings", sizes.types),
          LayerNormLayer::Make(prefix + "LayerNorm", sizes.width, sizes.epsilon)};
}

void EmbeddingLayer::Forward(const TokenBatch& tokens, Trace& trace, MatrixView y,
                             ThreadPool* pool) const {
  const TableRows rows = RowsOf(*this, tokens);
  ForRowBlocks(y.rows, pool, [&](std::size_t begin, std::size_t end) {
    for (std::size_t t = begin; t < end; ++t) {
      const auto word_row = word.value.row(rows.word[t]);
      const auto position_row = position.value.row(rows.position[t]);
      const auto type_row = type.value.row(rows.type[t]);
      for (std::size_t i = 0; i < y.cols; ++i)
        y.row(t)[i] = word_row[i] + (position_row[i] + type_row[i]);
    }
  });
  Reserve(trace.normal, y.rows, y.cols);
  norm.Forward(y, trace.normal.view().Rows(0, y.rows), trace.inverse, y, pool);
}

void EmbeddingLayer::Backward(const TokenBatch& tokens, const Trace& trace, MatrixView dy,
                              ThreadPool* pool) {
  const TableRows rows = RowsOf(*this, tokens);
  norm.Backward(trace.normal.view().Rows(0, dy.rows), trace.inverse, dy, dy, pool);
  ScatterAdd(dy, rows.word, word.gradient, pool);
  ScatterAdd(dy, rows.position, position.gradient, pool);
  ScatterAdd(dy, rows.type, type.gradient, pool);
}

std::vector<Parameter*> EmbeddingLayer::parameters() {
  return {&word, &position, &type, &norm.gamma, &norm.beta};
}

}  // namespace fovea
