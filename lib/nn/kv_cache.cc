#include "lib/nn/kv_cache.h"

#include <algorithm>
#include <string>
#include <utility>

#include "lib/base/error.h"
#include "lib/kernels/memory_arena.h"

namespace fovea {
namespace {

constexpr std::size_t kFirstCapacity = 128;  // tokens

// Bytes of keys and values that are asked for at a time: a few layers, so that those of a smaller
// cache are given back while it grows.
constexpr std::size_t kChunk = std::size_t{8} << 20;

KeyValuePanels Resized(const KeyValuePanels& layer, std::size_t used, std::size_t capacity,
                       MemoryArena* arena) {
  KeyValuePanels resized(layer.shape(), capacity, arena);
  resized.CopyFrom(layer, used);
  return resized;
}

}  // namespace

bool KvCache::State::Fits(std::size_t layer_count, const KeyValueShape& shape) const {
  return layers.size() == layer_count && (layers.empty() || layers.front().shape() == shape);
}

void KvCache::State::Reserve(std::size_t tokens, std::size_t limit, std::size_t layer_count,
                             const KeyValueShape& shape) {
  const bool fits_model = Fits(layer_count, shape);
  if (!fits_model && size > 0) {
    throw Error(ErrorCode::kInvalidArgument,
                "the key/value cache holds the tokens of another model or precision");
  }
  if (!fits_model) {
    layers.clear();
    for (std::size_t i = 0; i < layer_count; ++i) layers.emplace_back(shape, 0);
  }
  MemoryArena arena(kChunk);
  // Layer by layer: the peak is little above the larger cache, and an exception on the way leaves
  // every layer whole.
  for (KeyValuePanels& layer : layers) {
    if (layer.capacity() >= tokens) continue;
    layer = Resized(
        layer, size,
        std::max(std::min(std::max(layer.capacity() * 2, kFirstCapacity), limit), tokens), &arena);
  }
}

std::vector<std::byte> KvCache::State::Save(std::size_t tokens) const {
  std::vector<std::byte> bytes;
  for (const KeyValuePanels& layer : layers) {
    const KeyValuePanels saved = Resized(layer, tokens, tokens, nullptr);
    bytes.insert(bytes.end(), saved.bytes().begin(), saved.bytes().end());
  }
  return bytes;
}

void KvCache::State::Load(std::span<const std::byte> bytes, std::size_t tokens,
                          std::size_t layer_count, const KeyValueShape& shape) {
  MemoryArena arena(kChunk);
  layers.clear();
  for (std::size_t i = 0; i < layer_count; ++i) {
    const std::span<std::byte> layer = layers.emplace_back(shape, tokens, &arena).bytes();
    std::copy_n(bytes.begin(), layer.size(), layer.begin());
    bytes = bytes.subspan(layer.size());
  }
  size = tokens;
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
  MemoryArena arena(kChunk);
  for (const KeyValuePanels& layer : state_->layers)
    copy.state_->layers.push_back(Resized(layer, state_->size, state_->size, &arena));
  return copy;
}

}  // namespace fovea
