// Attention in double precision, one query and head at a time, as the formula reads.

#pragma once

#include <cstddef>
#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

#include "lib/attention/attention.h"
#include "tests/reference/double_matrix.h"

namespace fovea::reference {

struct AttentionResult {
  std::vector<double> out;      // [Tq, H · Dh]
  std::vector<double> weights;  // [H · Tq, Tk]
};

// Whether query q sees key k.
using Sees = std::function<bool(std::size_t q, std::size_t k)>;

AttentionResult Attention(const DoubleMatrix& query, const DoubleMatrix& key,
                          const DoubleMatrix& value, std::size_t heads, std::size_t kv_heads,
                          double scale, const Sees& sees);
AttentionResult Attention(ConstMatrixView query, ConstMatrixView key, ConstMatrixView value,
                          std::size_t heads, std::size_t kv_heads, double scale, const Sees& sees);

std::vector<double> Softmax(const std::vector<double>& scores);

// A mask that tests run through, with what it means.
struct NamedMask {
  std::string name;
  bool causal = false;
  std::ptrdiff_t offset = 0;
  std::vector<std::size_t> query_starts = {};
  std::vector<std::size_t> key_starts = {};

  // Borrows the starts.
  AttentionMask mask() const;
  bool Sees(std::size_t q, std::size_t k) const;
};
std::ostream& operator<<(std::ostream& out, const NamedMask& mask);

// Every kind of mask over 5 queries and 7 keys; some queries see no key, some keys no query.
std::vector<NamedMask> MasksOfFiveQueriesAndSevenKeys();

}  // namespace fovea::reference
