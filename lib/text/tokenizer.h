// The interface of all tokenizers: text to ids and back, with the bytes each token stands for.
//
// A Tokenizer is immutable after construction and shared by threads.

#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/byte_range.h"
#include "lib/base/ids.h"

namespace fovea {

struct Encoding {
  std::vector<TokenId> ids;
  // ranges[i]: the bytes of the input that ids[i] came from; empty (begin == end) for special tokens that were added.
  // Begins and ends never descend (a character that becomes two tokens gives both its range). What a normaliser drops lies
  // in no range of its own; a dropped accent belongs to its letter.
  std::vector<ByteRange> ranges;
};

class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  // Any bytes are accepted: malformed UTF-8 is read as U+FFFD. "" gives no ids, or just the
  // special tokens where the model adds them.
  virtual Encoding Encode(std::string_view text) const = 0;
  // The same ids without the ranges; faster.
  virtual std::vector<TokenId> EncodeIds(std::string_view text) const = 0;
  // Text of the ids, special tokens left out. Throws Error(kInvalidArgument) on an id outside the vocabulary.
  virtual std::string Decode(std::span<const TokenId> ids) const = 0;

  virtual int vocabulary_size() const = 0;
};

}  // namespace fovea
