// WordPiece as BERT uses it (Devlin et al. 2019; Wu et al. 2016): clean, split, lower-case, strip
// accents, then the longest-match-first pieces of each word. Ids are those of Hugging Face
// `tokenizers` without truncation or padding (of a text that spells special tokens: its own with
// SpecialTokens::kParsed, else those with split_special_tokens).

#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "lib/text/tokenizer.h"

namespace fovea {

// What becomes of "[SEP]" and the like where a text spells them out.
enum class SpecialTokens {
  kText,    // They are text as any other: a document cannot end its own passage.
  kParsed,  // They are the special tokens, as Hugging Face reads them.
};

class WordPiece final : public Tokenizer {
 public:
  // Reads `tokenizer.json` of a model folder (normaliser flags, vocabulary, added tokens); falls
  // back to `vocab.txt` with `tokenizer_config.json`. Throws Error(kNotFound | kCorrupt |
  // kUnsupported); a Unigram or SentencePiece model is kUnsupported.
  static std::unique_ptr<WordPiece> Load(const std::filesystem::path& model_folder);
  ~WordPiece() override;

  // [CLS] … [SEP] added; no other special token but [UNK] comes out of the text.
  Encoding Encode(std::string_view text) const override;
  std::vector<TokenId> EncodeIds(std::string_view text) const override;
  Encoding Encode(std::string_view text, SpecialTokens special) const;
  std::vector<TokenId> EncodeIds(std::string_view text, SpecialTokens special) const;
  std::string Decode(std::span<const TokenId> ids) const override;
  int vocabulary_size() const override;

  // Number of tokens of `text` without [CLS] and [SEP].
  int Count(std::string_view text) const;

  TokenId cls() const;
  TokenId sep() const;

 private:
  struct State;
  explicit WordPiece(std::unique_ptr<const State> state);
  std::unique_ptr<const State> state_;
};

}  // namespace fovea
