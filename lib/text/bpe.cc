#include "lib/text/bpe.h"

#include <algorithm>
#include <array>
#include <unordered_map>
#include <utility>

#include "lib/base/error.h"
#include "lib/text/bpe_merges.h"
#include "lib/text/piece_table.h"
#include "lib/text/pre_tokenizer.h"
#include "lib/text/utf8.h"

namespace fovea {
namespace {

enum TokenType {
  kNormal = 1,
  kUnknown = 2,
  kControl = 3,
  kUserDefined = 4,
  kUnused = 5,
  kByte = 6
};

constexpr std::size_t kMaxVocabulary = 1 << 24;

// GPT-2 writes each byte as one printable character: those of Latin-1 that print stand for
// themselves, the others for U+0100 and up, in order.
std::array<char32_t, 256> ByteCharacters() {
  std::array<char32_t, 256> characters{};
  char32_t next = 0x100;
  for (char32_t byte = 0; byte < 256; ++byte) {
    const bool prints = (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte != 0xAD);
    characters[byte] = prints ? byte : next++;
  }
  return characters;
}

// The bytes that a token stands for; its own text where it is not written in byte characters.
std::string TokenBytes(const std::string& token,
                       const std::unordered_map<char32_t, char>& byte_of) {
  std::string bytes;
  for (std::size_t at = 0; at < token.size();) {
    const Utf8Char c = DecodeUtf8(token, at);
    const auto found = byte_of.find(c.code_point);
    if (!c.valid || found == byte_of.end()) return token;
    bytes += found->second;
    at += static_cast<std::size_t>(c.length);
  }
  return bytes;
}

// Valid UTF-8 for the pre-tokeniser, and where each of its bytes comes from.
struct ValidText {
  std::string_view text;
  std::string repaired;               // Backs `text` where the input was not valid.
  std::vector<std::size_t> position;  // [text.size()] in the input; empty: the same.

  explicit ValidText(std::string_view input) : text(input) {
    if (IsValidUtf8(input)) return;
    for (std::size_t at = 0; at < input.size();) {
      const Utf8Char c = DecodeUtf8(input, at);
      const auto length = static_cast<std::size_t>(c.length);
      for (std::size_t i = at; i < at + length; ++i) {
        if (c.valid) {
          repaired += input[i];
        } else {
          AppendUtf8(kReplacementCharacter, repaired);  // One a byte, as llama.cpp does.
        }
        position.resize(repaired.size(), i);
      }
      at += length;
    }
    text = repaired;
  }

  ByteRange Source(std::size_t begin, std::size_t end) const {
    return position.empty() ? ByteRange{begin, end}
                            : ByteRange{position[begin], position[end - 1] + 1};
  }
};

}  // namespace

struct Bpe::State {
  explicit State(BpeModel model);

  void Tokenize(std::string_view text, std::vector<TokenId>& ids,
                std::vector<ByteRange>* ranges) const;

  std::vector<std::string> bytes;  // [V] What each token stands for.
  std::vector<int> types;          // [V]
  std::array<std::int32_t, 256> byte_token{};
  PreTokenizer pre_tokenizer;
  BpeMerges merges;
  PieceTable words;  // Bytes to token, for pre-tokenisers that take whole words first.
  std::vector<std::int32_t> user_defined;  // Longest first.
  std::unordered_map<std::string, TokenId> control;

 private:
  void ReadMerges(const BpeModel& model,
                  const std::unordered_map<std::string_view, std::int32_t>& id_of);
  void TokenizePlain(std::string_view text, std::size_t offset, std::vector<TokenId>& ids,
                     std::vector<ByteRange>* ranges) const;
};

Bpe::State::State(BpeModel model)
    : types(std::move(model.token_types)), merges(model.merges.size()), words(model.tokens.size()) {
  const std::optional<PreTokenizer> known = FindPreTokenizer(model.pre);
  if (!known) {
    throw Error(ErrorCode::kUnsupported,
                "the pre-tokenizer \"" + model.pre +
                    "\" is not handled; use a model with smollm, gpt-2, llama-bpe or qwen2");
  }
  pre_tokenizer = *known;
  const std::size_t size = model.tokens.size();
  if (size == 0 || size > kMaxVocabulary)
    throw Error(ErrorCode::kCorrupt, "the vocabulary has " + std::to_string(size) + " tokens");
  if (types.empty()) types.assign(size, kNormal);
  const bool known_types = std::all_of(types.begin(), types.end(),
                                       [](int type) { return type >= kNormal && type <= kByte; });
  if (types.size() != size || !known_types) {
    throw Error(ErrorCode::kCorrupt,
                "the token types do not fit the " + std::to_string(size) + " tokens");
  }
  const std::array<char32_t, 256> characters = ByteCharacters();
  std::unordered_map<char32_t, char> byte_of;
  for (std::size_t byte = 0; byte < 256; ++byte)
    byte_of[characters[byte]] = static_cast<char>(byte);

  std::unordered_map<std::string_view, std::int32_t> id_of;
  for (std::size_t i = 0; i < size; ++i) {
    const auto id = static_cast<std::int32_t>(i);
    const std::string& token = model.tokens[i];
    const bool written_out =
        types[i] == kControl || types[i] == kUnknown || types[i] == kUserDefined;
    bytes.push_back(written_out ? token : TokenBytes(token, byte_of));
    if (types[i] == kControl) control.emplace(token, TokenId{id});
    if (types[i] == kUserDefined && !token.empty()) user_defined.push_back(id);
    // Control tokens are out of reach of any text.
    if (types[i] != kControl && types[i] != kUnknown) id_of[token] = id;
  }
  std::stable_sort(user_defined.begin(), user_defined.end(), [&](std::int32_t a, std::int32_t b) {
    return bytes[a].size() > bytes[b].size();
  });
  for (std::size_t byte = 0; byte < 256; ++byte) {
    std::string character;
    AppendUtf8(characters[byte], character);
    const auto found = id_of.find(character);
    byte_token[byte] = found == id_of.end() ? -1 : found->second;
  }
  ReadMerges(model, id_of);
  if (!pre_tokenizer.whole_words_first) return;
  for (const auto& [token, id] : id_of) {
    if (types[static_cast<std::size_t>(id)] != kUserDefined)
      words.Insert(bytes[static_cast<std::size_t>(id)], id);
  }
}

void Bpe::State::ReadMerges(const BpeModel& model,
                            const std::unordered_map<std::string_view, std::int32_t>& id_of) {
  std::string joined;
  for (std::size_t rank = 0; rank < model.merges.size(); ++rank) {
    const std::string_view merge = model.merges[rank];
    const std::size_t space = merge.find(' ', 1);
    const std::string_view left = merge.substr(0, space);
    const std::string_view right = space == std::string_view::npos ? "" : merge.substr(space + 1);
    joined.assign(left).append(right);
    const auto left_id = id_of.find(left), right_id = id_of.find(right),
               joined_id = id_of.find(joined);
    if (right.empty() || left_id == id_of.end() || right_id == id_of.end() ||
        joined_id == id_of.end()) {
      throw Error(ErrorCode::kCorrupt, "merge " + std::to_string(rank) + " (\"" +
                                           EscapeInvalidUtf8(merge) +
                                           "\") does not fit the tokens of the vocabulary");
    }
    merges.Insert(left_id->second, right_id->second,
                  {static_cast<std::int32_t>(rank), joined_id->second});
  }
}

void Bpe::State::Tokenize(std::string_view text, std::vector<TokenId>& ids,
                          std::vector<ByteRange>* ranges) const {
  struct Fragment {
    ByteRange range;
    std::int32_t token;  // -1: text.
  };
  std::vector<Fragment> fragments = {{{0, text.size()}, -1}};
  for (const std::int32_t token : user_defined) {
    const std::string_view wanted = bytes[static_cast<std::size_t>(token)];
    std::vector<Fragment> split;
    for (const Fragment& fragment : fragments) {
      std::size_t begin = fragment.range.begin;
      while (fragment.token < 0) {
        const std::size_t found = text.substr(0, fragment.range.end).find(wanted, begin);
        if (found == std::string_view::npos) break;
        split.push_back({{begin, found}, -1});
        split.push_back({{found, found + wanted.size()}, token});
        begin = found + wanted.size();
      }
      split.push_back({{begin, fragment.range.end}, fragment.token});
    }
    fragments = std::move(split);
  }
  for (const Fragment& fragment : fragments) {
    if (fragment.token < 0) {
      TokenizePlain(Slice(text, fragment.range), fragment.range.begin, ids, ranges);
    } else {
      ids.push_back(TokenId{fragment.token});
      if (ranges != nullptr) ranges->push_back(fragment.range);
    }
  }
}

void Bpe::State::TokenizePlain(std::string_view text, std::size_t offset, std::vector<TokenId>& ids,
                               std::vector<ByteRange>* ranges) const {
  const ValidText valid(text);
  WordSplitter splitter(pre_tokenizer.pattern, valid.text);
  BpeMerger merger(merges);
  std::vector<BpeMerger::Symbol> symbols;
  std::string_view word;
  std::size_t at = 0;  // Of the next symbol in valid.text.
  while (splitter.Next(word)) {
    symbols.clear();
    const std::int32_t whole =
        pre_tokenizer.whole_words_first ? words.Find(word) : PieceTable::kNone;
    if (whole != PieceTable::kNone) {
      symbols.push_back({whole, static_cast<std::uint32_t>(word.size())});
    } else {
      for (const char c : word) symbols.push_back({byte_token[static_cast<unsigned char>(c)], 1});
      merger.Run(symbols);
    }
    for (const BpeMerger::Symbol& symbol : symbols) {
      if (symbol.token >= 0) {
        ids.push_back(TokenId{symbol.token});
        if (ranges != nullptr) {
          const ByteRange source = valid.Source(at, at + symbol.bytes);
          ranges->push_back({offset + source.begin, offset + source.end});
        }
      }
      at += symbol.bytes;
    }
  }
}

Bpe::Bpe(BpeModel model) : state_(std::make_unique<const State>(std::move(model))) {}
Bpe::~Bpe() = default;

Encoding Bpe::Encode(std::string_view text) const {
  Encoding encoding;
  state_->Tokenize(text, encoding.ids, &encoding.ranges);
  return encoding;
}

std::vector<TokenId> Bpe::EncodeIds(std::string_view text) const {
  std::vector<TokenId> ids;
  ids.reserve(text.size() / 4);
  state_->Tokenize(text, ids, nullptr);
  return ids;
}

std::string Bpe::Decode(std::span<const TokenId> ids) const {
  std::string text;
  for (const TokenId id : ids) {
    if (Value(id) < 0 || Value(id) >= vocabulary_size()) {
      throw Error(ErrorCode::kInvalidArgument, "token id " + std::to_string(Value(id)) +
                                                   " is outside the vocabulary of " +
                                                   std::to_string(vocabulary_size()) + " tokens");
    }
    const auto index = static_cast<std::size_t>(Value(id));
    if (state_->types[index] != kControl && state_->types[index] != kUnknown)
      text += state_->bytes[index];
  }
  return text;
}

int Bpe::vocabulary_size() const { return static_cast<int>(state_->bytes.size()); }

std::optional<TokenId> Bpe::ControlToken(std::string_view text) const {
  const auto found = state_->control.find(std::string(text));
  return found == state_->control.end() ? std::nullopt : std::optional(found->second);
}

bool Bpe::IsControl(TokenId id) const {
  return Value(id) >= 0 && Value(id) < vocabulary_size() &&
         state_->types[static_cast<std::size_t>(Value(id))] == kControl;
}

}  // namespace fovea
