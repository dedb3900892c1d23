// The merges of a byte-level BPE: pairs of tokens with their rank and what they become. Internal to
// lib/text.

#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace fovea {

class BpeMerges {
 public:
  static constexpr std::int32_t kNoRank = INT32_MAX;

  struct Merge {
    std::int32_t rank = kNoRank;  // Lower is earlier.
    std::int32_t token = 0;
  };

  explicit BpeMerges(std::size_t merges);

  // A pair inserted twice keeps the first rank.
  void Insert(std::int32_t left, std::int32_t right, Merge merge);
  // rank == kNoRank if the two do not merge.
  Merge Find(std::int32_t left, std::int32_t right) const;

 private:
  struct Slot {
    std::uint64_t pair = ~std::uint64_t{0};
    Merge merge;
  };
  std::size_t Place(std::uint64_t pair) const;

  std::vector<Slot> slots_;
};

// Applies merges to one word, lowest rank first, leftmost among equals. Keeps its buffers from word
// to word; one a thread.
class BpeMerger {
 public:
  struct Symbol {
    std::int32_t token;   // -1: a byte that the vocabulary does not have.
    std::uint32_t bytes;  // Of the word.
  };

  explicit BpeMerger(const BpeMerges& merges) : merges_(merges) {}

  // `symbols` holds one a byte, and afterwards the tokens of the word. O(n log n).
  void Run(std::vector<Symbol>& symbols);

 private:
  struct Node {
    Symbol symbol;
    std::int32_t previous, next;
  };
  struct Candidate {
    std::int32_t rank, position, left, right, token;
  };
  void RunShort(std::vector<Symbol>& symbols);
  void RunLong(std::vector<Symbol>& symbols);
  BpeMerges::Merge Find(Symbol left, Symbol right) const;
  void Push(std::int32_t left);

  const BpeMerges& merges_;
  std::vector<BpeMerges::Merge> pairs_;
  std::vector<Node> nodes_;
  std::vector<Candidate> heap_;
};

}  // namespace fovea
