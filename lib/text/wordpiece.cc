#include "lib/text/wordpiece.h"

#include <algorithm>
#include <utility>

#include "lib/base/error.h"
#include "lib/text/wordpiece_state.h"

namespace fovea {

WordPiece::State::State(WordPieceModel read)
    : model(std::move(read)),
      starting(model.tokens.size()),
      continuing(model.tokens.size()),
      special(model.tokens.size()),
      added_head{} {
  unicode::Tables::Get();  // Made while the model loads, not at its first text.
  for (std::size_t id = 0; id < model.tokens.size(); ++id) {
    const std::string_view token = model.tokens[id];
    if (token.empty()) continue;
    starting.Insert(token, static_cast<std::int32_t>(id));
    if (token.size() > model.prefix.size() && token.starts_with(model.prefix)) {
      continuing.Insert(token.substr(model.prefix.size()), static_cast<std::int32_t>(id));
    }
  }
  for (const AddedToken& token : model.added) {
    special[static_cast<std::size_t>(token.id)] = token.special;
    added_head[static_cast<unsigned char>(token.text.front())] = true;
  }
}

const AddedToken* WordPiece::State::AddedAt(std::string_view text, std::size_t at,
                                            SpecialTokens special_tokens) const {
  for (const AddedToken& token : model.added) {
    if (token.special && special_tokens == SpecialTokens::kText) continue;
    if (text.substr(at).starts_with(token.text)) return &token;
  }
  return nullptr;
}

void WordPiece::State::Tokenize(std::string_view text, SpecialTokens special_tokens,
                                std::vector<TokenId>& ids, std::vector<ByteRange>* ranges) const {
  std::size_t plain = 0;  // Where the text without added tokens begins.
  for (std::size_t at = 0; at < text.size();) {
    const AddedToken* added = added_head[static_cast<unsigned char>(text[at])]
                                  ? AddedAt(text, at, special_tokens)
                                  : nullptr;
    if (added == nullptr) {
      ++at;
      continue;
    }
    TokenizePlain(text.substr(plain, at - plain), plain, ids, ranges);
    ids.push_back(TokenId{added->id});
    if (ranges != nullptr) ranges->push_back({at, at + added->text.size()});
    at += added->text.size();
    plain = at;
  }
  TokenizePlain(text.substr(plain), plain, ids, ranges);
}

void WordPiece::State::TokenizePlain(std::string_view text, std::size_t offset,
                                     std::vector<TokenId>& ids,
                                     std::vector<ByteRange>* ranges) const {
  BertWordScanner words(model.normalizer, text, offset);
  BertWord word;
  while (words.Next(word)) TokenizeWord(word, ids, ranges);
}

// Longest match first. Each step hashes at most the longest piece's bytes, so a word costs its
// length times that.
void WordPiece::State::TokenizeWord(const BertWord& word, std::vector<TokenId>& ids,
                                    std::vector<ByteRange>* ranges) const {
  const std::string_view text = word.text;
  const std::size_t first_id = ids.size();
  std::size_t begin = 0;
  while (word.characters <= model.max_characters && begin < text.size()) {
    const PieceTable& table = begin == 0 ? starting : continuing;
    constexpr std::size_t kKept = 64;
    std::array<std::uint64_t, kKept> hashes;
    std::size_t size = std::min(text.size() - begin, table.longest());
    std::uint64_t hash = PieceTable::kSeed;
    for (std::size_t i = 0; i < size; ++i) {
      hash = PieceTable::Extend(hash, text[begin + i]);
      if (i < kKept) hashes[i] = hash;
    }
    std::int32_t id = PieceTable::kNone;
    for (; size > 0; --size) {
      const std::string_view piece = text.substr(begin, size);
      id = size <= kKept ? table.Find(hashes[size - 1], piece) : table.Find(piece);
      if (id != PieceTable::kNone) break;
    }
    if (id == PieceTable::kNone) break;
    ids.push_back(TokenId{id});
    if (ranges != nullptr) ranges->push_back(word.Source(begin, begin + size));
    begin += size;
  }
  if (begin == text.size()) return;
  // One piece unknown makes the whole word unknown.
  ids.resize(first_id);
  ids.push_back(TokenId{model.unknown});
  if (ranges != nullptr) {
    ranges->resize(first_id);
    ranges->push_back(word.Source(0, text.size()));
  }
}

WordPiece::WordPiece(std::unique_ptr<const State> state) : state_(std::move(state)) {}
WordPiece::~WordPiece() = default;

std::unique_ptr<WordPiece> WordPiece::Load(const std::filesystem::path& model_folder) {
  return std::unique_ptr<WordPiece>(
      new WordPiece(std::make_unique<const State>(ReadWordPieceModel(model_folder))));
}

Encoding WordPiece::Encode(std::string_view text) const {
  return Encode(text, SpecialTokens::kText);
}

std::vector<TokenId> WordPiece::EncodeIds(std::string_view text) const {
  return EncodeIds(text, SpecialTokens::kText);
}

Encoding WordPiece::Encode(std::string_view text, SpecialTokens special) const {
  Encoding encoding;
  encoding.ids.push_back(cls());
  encoding.ranges.push_back({0, 0});
  state_->Tokenize(text, special, encoding.ids, &encoding.ranges);
  encoding.ids.push_back(sep());
  encoding.ranges.push_back({text.size(), text.size()});
  return encoding;
}

std::vector<TokenId> WordPiece::EncodeIds(std::string_view text, SpecialTokens special) const {
  std::vector<TokenId> ids;
  ids.reserve(text.size() / 4 + 2);
  ids.push_back(cls());
  state_->Tokenize(text, special, ids, nullptr);
  ids.push_back(sep());
  return ids;
}

int WordPiece::Count(std::string_view text) const {
  std::vector<TokenId> ids;
  ids.reserve(text.size() / 4);
  state_->Tokenize(text, SpecialTokens::kText, ids, nullptr);
  return static_cast<int>(ids.size());
}

std::string WordPiece::Decode(std::span<const TokenId> ids) const {
  const WordPieceModel& model = state_->model;
  constexpr std::array<std::string_view, 4> kClosing = {".", "?", "!", ","};
  std::string text;
  bool first = true;
  for (const TokenId id : ids) {
    if (Value(id) < 0 || Value(id) >= vocabulary_size()) {
      throw Error(ErrorCode::kInvalidArgument, "token id " + std::to_string(Value(id)) +
                                                   " is outside the vocabulary of " +
                                                   std::to_string(vocabulary_size()) + " tokens");
    }
    const auto index = static_cast<std::size_t>(Value(id));
    if (state_->special[index]) continue;
    const std::string_view token = model.tokens[index];
    if (!first && token.starts_with(model.prefix)) {
      text += token.substr(model.prefix.size());
    } else {
      const bool joined =
          model.cleanup && std::find(kClosing.begin(), kClosing.end(), token) != kClosing.end();
      if (!first && !joined) text += ' ';
      text += token;
    }
    first = false;
  }
  return text;
}

int WordPiece::vocabulary_size() const { return static_cast<int>(state_->model.tokens.size()); }
TokenId WordPiece::cls() const { return TokenId{state_->model.cls}; }
TokenId WordPiece::sep() const { return TokenId{state_->model.sep}; }

}  // namespace fovea
