// Byte-level byte-pair encoding (Sennrich et al. 2016; Radford et al. 2019), with the
// pre-tokenisers that GGUF files name. Ids are llama.cpp's with special tokens not parsed: text can
// never form a control token; user-defined tokens are found. Bytes that the vocabulary has no token
// for (SmolLM2 lacks 21: six control characters, and bytes that UTF-8 never has or that lead
// unassigned planes) are dropped, as llama.cpp drops them. Ill-formed UTF-8 is read as U+FFFD, one
// a byte.

#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/text/tokenizer.h"

namespace fovea {

// What a GGUF file says under `tokenizer.ggml.*`.
struct BpeModel {
  std::vector<std::string> tokens;  // Byte-to-unicode form ("Ġthe").
  std::vector<std::string> merges;  // "left right", best first.
  // GGUF: 1 normal, 3 control, 4 user defined, …; may be empty: all normal.
  std::vector<int> token_types;
  std::string pre = "gpt-2";  // "smollm", "gpt-2", "llama-bpe", "qwen2", …
};

class Bpe final : public Tokenizer {
 public:
  // Throws Error(kUnsupported) on an unknown pre-tokeniser, Error(kCorrupt) on merges or types that
  // do not fit the tokens.
  explicit Bpe(BpeModel model);
  ~Bpe() override;

  Encoding Encode(std::string_view text) const override;
  std::vector<TokenId> EncodeIds(std::string_view text) const override;
  // Bytes of the ids; control tokens give nothing. The bytes may end inside a UTF-8 character.
  std::string Decode(std::span<const TokenId> ids) const override;
  int vocabulary_size() const override;

  // The id of a control token by its text ("<|im_start|>"), if there is one.
  std::optional<TokenId> ControlToken(std::string_view text) const;
  bool IsControl(TokenId id) const;

 private:
  struct State;
  std::unique_ptr<const State> state_;
};

}  // namespace fovea
