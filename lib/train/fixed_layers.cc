#include "lib/train/fixed_layers.h"

#include <algorithm>
#include <utility>

#include "lib/base/hash.h"
#include "lib/nn/encoder.h"

namespace fovea {
namespace {

std::string KeyOf(std::span<const TokenId> tokens) {
  return ContentHash({reinterpret_cast<const char*>(tokens.data()), tokens.size_bytes()});
}

}  // namespace

FixedLayers::FixedLayers(const Encoder& encoder, std::size_t encoder_layers,
                         std::span<const TransformerLayer> layers, std::size_t cache_bytes)
    : encoder_(encoder),
      encoder_layers_(encoder_layers),
      layers_(layers),
      bytes_left_(cache_bytes) {}

Matrix FixedLayers::States(std::span<const Sequence> sequences, ThreadPool* pool) {
  std::vector<std::size_t> starts = {0};
  std::vector<std::string> keys(sequences.size());
  std::vector<std::size_t> missing;
  std::vector<std::vector<TokenId>> computed;
  std::vector<std::size_t> computed_starts = {0};
  for (std::size_t s = 0; s < sequences.size(); ++s) {
    const std::span<const TokenId> tokens = sequences[s].tokens;
    starts.push_back(starts.back() + tokens.size());
    if (sequences[s].is_passage) keys[s] = KeyOf(tokens);
    if (sequences[s].is_passage && held_.contains(keys[s])) continue;
    missing.push_back(s);
    computed.emplace_back(tokens.begin(), tokens.end());
    computed_starts.push_back(computed_starts.back() + tokens.size());
  }
  Matrix fresh = encoder_.HiddenStates(computed, pool, static_cast<int>(encoder_layers_));
  for (const TransformerLayer& layer : layers_)
    layer.Forward(computed_starts, {}, fresh.view(), trace_, pool);

  Matrix states(starts.back(), static_cast<std::size_t>(encoder_.config().width));
  std::size_t next = 0;  // of those missing
  for (std::size_t s = 0; s < sequences.size(); ++s) {
    const MatrixView out = states.view().Rows(starts[s], starts[s + 1]);
    if (next == missing.size() || missing[next] != s) {
      const RowCodes& held = held_.at(keys[s]);
      DequantizeRows(held.codes, held.scales, out);
      continue;
    }
    const MatrixView from = fresh.view().Rows(computed_starts[next], computed_starts[next + 1]);
    ++next;
    if (!sequences[s].is_passage) {
      std::copy_n(from.data, from.rows * from.cols, out.data);
      continue;
    }
    RowCodes rounded = QuantizeRows(from);
    DequantizeRows(rounded.codes, rounded.scales, out);
    const std::size_t bytes = rounded.codes.size() + rounded.scales.size() * sizeof(float);
    if (bytes > bytes_left_ || held_.contains(keys[s])) continue;
    bytes_left_ -= bytes;
    held_.emplace(std::move(keys[s]), std::move(rounded));
  }
  return states;
}

}  // namespace fovea
