// What a WordPiece holds, and how it is read. Internal to lib/text.

#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "lib/text/bert_words.h"
#include "lib/text/piece_table.h"
#include "lib/text/wordpiece.h"

namespace fovea {

struct AddedToken {
  std::string text;
  std::int32_t id = 0;
  bool special = true;
};

struct WordPieceModel {
  BertNormalizer normalizer;
  std::vector<std::string> tokens;   // [V]
  std::vector<AddedToken> added;     // Longest first.
  std::string prefix = "##";         // Of a piece that continues a word.
  std::size_t max_characters = 100;  // Longer words are unknown.
  bool cleanup = true;               // No space in front of ". ? ! ," in Decode.
  std::int32_t unknown = 0;
  std::int32_t cls = 0;
  std::int32_t sep = 0;
};

// Reads `tokenizer.json`, or `vocab.txt` with `tokenizer_config.json`; see WordPiece::Load.
WordPieceModel ReadWordPieceModel(const std::filesystem::path& model_folder);

struct WordPiece::State {
  explicit State(WordPieceModel read);

  // Appends the tokens of `text`; ranges only if not null.
  void Tokenize(std::string_view text, SpecialTokens special_tokens, std::vector<TokenId>& ids,
                std::vector<ByteRange>* ranges) const;

  const WordPieceModel model;
  PieceTable starting;               // Pieces that begin a word.
  PieceTable continuing;             // Pieces behind the first, without the prefix.
  std::vector<bool> special;         // [V] Left out by Decode.
  std::array<bool, 256> added_head;  // Bytes that an added token begins with.

 private:
  const AddedToken* AddedAt(std::string_view text, std::size_t at,
                            SpecialTokens special_tokens) const;
  void TokenizePlain(std::string_view text, std::size_t offset, std::vector<TokenId>& ids,
                     std::vector<ByteRange>* ranges) const;
  void TokenizeWord(const BertWord& word, std::vector<TokenId>& ids,
                    std::vector<ByteRange>* ranges) const;
};

}  // namespace fovea
