#include "lib/text/bpe_merges.h"

#include <algorithm>
#include <bit>

namespace fovea {
namespace {

// Up to this many symbols a plain scan for the lowest rank beats the heap.
constexpr std::size_t kShort = 24;

constexpr std::uint64_t Pair(std::int32_t left, std::int32_t right) {
  return std::uint64_t{static_cast<std::uint32_t>(left)} << 32 | static_cast<std::uint32_t>(right);
}

}  // namespace

BpeMerges::BpeMerges(std::size_t merges) : slots_(std::bit_ceil(2 * merges + 2)) {}

std::size_t BpeMerges::Place(std::uint64_t pair) const {
  const std::size_t mask = slots_.size() - 1;
  std::uint64_t hash = pair * 0x9E3779B97F4A7C15;
  std::size_t at = (hash ^ hash >> 32) & mask;
  while (slots_[at].pair != pair && slots_[at].merge.rank != kNoRank) at = (at + 1) & mask;
  return at;
}

void BpeMerges::Insert(std::int32_t left, std::int32_t right, Merge merge) {
  Slot& slot = slots_[Place(Pair(left, right))];
  if (slot.merge.rank == kNoRank) slot = {Pair(left, right), merge};
}

BpeMerges::Merge BpeMerges::Find(std::int32_t left, std::int32_t right) const {
  return slots_[Place(Pair(left, right))].merge;
}

BpeMerges::Merge BpeMerger::Find(Symbol left, Symbol right) const {
  if (left.token < 0 || right.token < 0) return {};
  return merges_.Find(left.token, right.token);
}

void BpeMerger::Run(std::vector<Symbol>& symbols) {
  if (symbols.size() < 2) return;
  if (symbols.size() <= kShort) {
    RunShort(symbols);
  } else {
    RunLong(symbols);
  }
}

void BpeMerger::RunShort(std::vector<Symbol>& symbols) {
  pairs_.clear();  // pairs_[i]: symbols i and i + 1.
  for (std::size_t i = 0; i + 1 < symbols.size(); ++i)
    pairs_.push_back(Find(symbols[i], symbols[i + 1]));
  while (!pairs_.empty()) {
    const auto best = std::min_element(
        pairs_.begin(), pairs_.end(), [](const auto& a, const auto& b) { return a.rank < b.rank; });
    if (best->rank == BpeMerges::kNoRank) return;
    const auto at = static_cast<std::size_t>(best - pairs_.begin());
    symbols[at] = {best->token, symbols[at].bytes + symbols[at + 1].bytes};
    symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(at) + 1);
    pairs_.erase(best);
    if (at > 0) pairs_[at - 1] = Find(symbols[at - 1], symbols[at]);
    if (at < pairs_.size()) pairs_[at] = Find(symbols[at], symbols[at + 1]);
  }
}

void BpeMerger::Push(std::int32_t left) {
  const auto later = [](const Candidate& a, const Candidate& b) {
    return a.rank != b.rank ? a.rank > b.rank : a.position > b.position;
  };
  if (left < 0 || nodes_[static_cast<std::size_t>(left)].next < 0) return;
  const Node& node = nodes_[static_cast<std::size_t>(left)];
  const Symbol right = nodes_[static_cast<std::size_t>(node.next)].symbol;
  const BpeMerges::Merge merge = Find(node.symbol, right);
  if (merge.rank == BpeMerges::kNoRank) return;
  heap_.push_back({merge.rank, left, node.symbol.token, right.token, merge.token});
  std::push_heap(heap_.begin(), heap_.end(), later);
}

void BpeMerger::RunLong(std::vector<Symbol>& symbols) {
  const auto later = [](const Candidate& a, const Candidate& b) {
    return a.rank != b.rank ? a.rank > b.rank : a.position > b.position;
  };
  const auto count = static_cast<std::int32_t>(symbols.size());
  nodes_.clear();
  heap_.clear();
  for (std::int32_t i = 0; i < count; ++i) {
    nodes_.push_back({symbols[static_cast<std::size_t>(i)], i - 1, i + 1 < count ? i + 1 : -1});
  }
  for (std::int32_t i = 0; i < count; ++i) Push(i);
  while (!heap_.empty()) {
    std::pop_heap(heap_.begin(), heap_.end(), later);
    const Candidate best = heap_.back();
    heap_.pop_back();
    Node& left = nodes_[static_cast<std::size_t>(best.position)];
    // A candidate whose symbols have merged with others since is stale.
    if (left.symbol.bytes == 0 || left.symbol.token != best.left || left.next < 0) continue;
    Node& right = nodes_[static_cast<std::size_t>(left.next)];
    if (right.symbol.token != best.right) continue;
    left.symbol = {best.token, left.symbol.bytes + right.symbol.bytes};
    right.symbol.bytes = 0;
    left.next = right.next;
    if (left.next >= 0) nodes_[static_cast<std::size_t>(left.next)].previous = best.position;
    Push(left.previous);
    Push(best.position);
  }
  symbols.clear();
  for (std::int32_t i = 0; i >= 0; i = nodes_[static_cast<std::size_t>(i)].next) {
    symbols.push_back(nodes_[static_cast<std::size_t>(i)].symbol);
  }
}

}  // namespace fovea
