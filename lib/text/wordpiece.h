// WordPiece as BERT uses it (Devlin et al. 2019; Wu et al. 2016): clean, split, lower-case, strip accents, then the
// longest-match-first pieces of each word. Ids are those of Hugging Face `tokenizers` without truncation or padding.

#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "lib/text/tokenizer.h"

namespace fovea {

class WordPiece final : public Tokenizer {
 public:
  // Reads `tokenizer.json` of a model folder (normaliser flags, vocabulary, added tokens); falls back to `vocab.txt` with
  // `tokenizer_config.json`. Throws Error(kNotFound | kCorrupt | kUnsupported); a Unigram or SentencePiece model is kUnsupported.
  static std::unique_ptr<WordPiece> Load(const std::filesystem::path& model_folder);
  ~WordPiece() override;

  // [CLS] … [SEP] added; special tokens written out inside the text ("[SEP]") are parsed as such.
  Encoding Encode(std::string_view text) const override;
  std::vector<TokenId> EncodeIds(std::string_view text) const override;
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
