// Scaled dot-product attention (Vaswani et al. 2017, section 3.2.1), written once for the encoder (self), the decoder
// (causal, grouped-query, over a cache) and the reader (cross).
//
// Dimensions: T tokens, H heads, Hkv key/value heads (a divisor of H), Dh head width.

#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "lib/attention/key_value_panels.h"
#include "lib/kernels/matrix.h"

namespace fovea {

class ThreadPool;

struct AttentionShape {
  int heads = 1;
  int kv_heads = 1;  // Head h reads key/value head h / (heads / kv_heads) (Ainslie et al. 2023).
  int head_width = 1;
  // Multiplies the scores. 0: 1/√Dh.
  float scale = 0;
};

// Which keys a query may see. Rows of padding never exist: batches are ragged.
struct AttentionMask {
  // With `causal`, query i sees keys 0 … i + causal_offset.
  bool causal = false;
  std::ptrdiff_t causal_offset = 0;
  // When not empty, sequences are laid one after the other: queries [query_starts[s], query_starts[s + 1]) see the keys
  // [key_starts[s], key_starts[s + 1]) alone. Both have one more entry than there are sequences.
  std::span<const std::size_t> query_starts{};
  std::span<const std::size_t> key_starts{};
};

// out [Tq, H·Dh] = concat_h( softmax(Q_h K_hᵀ · scale + mask) V_h ).
//
// query [Tq, H·Dh], key and value [Tk, Hkv·Dh], f32. A query that sees no key gives a row of zeros.
// weights: if data is not null, [H·Tq, Tk] receives them, row h·Tq + q those of query q in head h (0 where masked).
// `out` must not overlap the inputs. A row's result depends on that query and the keys it sees alone.
void ScaledDotProductAttention(const AttentionShape& shape, ConstMatrixView query, ConstMatrixView key,
                               ConstMatrixView value, const AttentionMask& mask, MatrixView out,
                               MatrixView weights, ThreadPool* pool);

// The same over a decoder's cache: the queries are the last Tq of the first `tokens` that `cached` holds, and each sees
// the tokens up to its own. The result of a query is the same, bit for bit, however many come with it.
void CachedAttention(const AttentionShape& shape, ConstMatrixView query, const KeyValuePanels& cached, std::size_t tokens,
                     MatrixView out, ThreadPool* pool);

// Single-head weights without values: out[k] = softmax_k(query · key_k / temperature); the first-form reader's use of it.
// keys [Tk, D]; Tk == 0 gives an empty result. temperature > 0, else Error(kInvalidArgument).
std::vector<float> AttentionWeights(std::span<const float> query, ConstMatrixView keys, float temperature);

}  // namespace fovea
