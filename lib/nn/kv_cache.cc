#include "lib/nn/kv_cache.h"

#include <algorithm>
#include <string>
#include <utility>

#include "lib/base/error.h"

namespace fovea {
namespace {

constexpr std::size_t kFirstCapacity = 128;  // tokens

Matrix Grown(const Matrix& rows, std::size_t used, std::size_t capacity, std::size_t width) {
  Matrix grown(capacity, width);
  if (used > 0) std::copy_n(rows.data(), used * width, grown.data());
  return grown;
}

}  // namespace

void KvCache::State::Reserve(std::size_t tokens, std::size_t limit, std::size_t layer_count,
                             std::size_t width) {
  const bool fits_model =
      layers.size() == layer_count && (layers.empty() || layers.front().keys.cols() == width);
  if (!fits_model && size > 0) {
    throw Error(ErrorCode::kInvalidArgument,
                "the key/value cache holds the tokens of another model");
  }
  if (!fits_model) layers = std::vector<Layer>(layer_count);
  // Layer by layer: the peak is one layer above the larger cache, and an exception on the way
  // leaves every layer whole.
  for (Layer& layer : layers) {
    if (layer.values.rows() >= tokens) continue;
    const std::size_t capacity =
        std::max(std::min(std::max(layer.values.rows() * 2, kFirstCapacity), limit), tokens);
    layer.keys = Grown(layer.keys, size, capacity, width);
    layer.values = Grown(layer.values, size, capacity, width);
  }
}

KvCache::KvCache() : state_(std::make_unique<State>()) {}
KvCache::~KvCache() = default;
KvCache::KvCache(KvCache&&) noexcept = default;
KvCache& KvCache::operator=(KvCache&&) noexcept = default;

std::size_t KvCache::size() const { return state_->size; }

void KvCache::Truncate(std::size_t size) {
  if (size > state_->size) {
    throw Error(ErrorCode::kInvalidArgument,
                "the key/value cache holds " + std::to_string(state_->size) +
                    " tokens; it cannot be cut to " + std::to_string(size));
  }
  state_->size = size;
}

KvCache KvCache::Clone() const {
  KvCache copy;
  copy.state_->size = state_->size;
  for (const State::Layer& layer : state_->layers) {
    copy.state_->layers.push_back(
        {Grown(layer.keys, state_->size, state_->size, layer.keys.cols()),
         Grown(layer.values, state_->size, state_->size, layer.values.cols())});
  }
  return copy;
}

}  // namespace fovea
