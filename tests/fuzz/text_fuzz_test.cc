// Random bytes through everything in lib/text: no crash, no hang, and the promises of the headers.
// Seeded.

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "lib/nn/gguf.h"
#include "lib/text/bpe.h"
#include "lib/text/sentences.h"
#include "lib/text/utf8.h"
#include "lib/text/wordpiece.h"
#include "tests/support/models.h"

namespace fovea {
namespace {

const WordPiece& TestWordPiece() {
  static const std::unique_ptr<WordPiece> tokenizer = WordPiece::Load(TestEmbedderFolder());
  return *tokenizer;
}

Bpe MakeBpe(const std::string& pre) {
  static const GgufFile file(TestGeneratorFile());
  BpeModel model;
  model.tokens = std::get<std::vector<std::string>>(file.metadata().at("tokenizer.ggml.tokens"));
  model.merges = std::get<std::vector<std::string>>(file.metadata().at("tokenizer.ggml.merges"));
  for (const std::int64_t type :
       std::get<std::vector<std::int64_t>>(file.metadata().at("tokenizer.ggml.token_type"))) {
    model.token_types.push_back(static_cast<int>(type));
  }
  model.pre = pre;
  return Bpe(std::move(model));
}

// Bytes of several kinds, so that whole characters, broken ones, marks and plain words meet.
std::string RandomText(std::mt19937& random) {
  static const std::vector<std::string> kPieces = {
      "the",    " ",      "  ",     "\n",         "\r\n",       "\t",           ". ",
      "e.g. ",  "[SEP]",  "[MASK",  "<|im_end|>", "'s",         "'LL",          "1",
      "23",     "- ",     "# ",     "|",          "```\n",      "\u0301",       "\u0323",
      "\u302E", "\u00E9", "\u4E2D", "\uAC00",     "\U0001F600", "\u200D",       "\u3002",
      "\u00A0", "\uFFFD", "\uFEFF", "\xE2\x82",   "\xF0\x9F",   "\xED\xA0\x80", "\xC0\x80"};
  std::string text;
  for (std::size_t parts = random() % 60; parts > 0; --parts) {
    const unsigned kind = random() % 4;
    if (kind == 0) text += static_cast<char>(random() % 256);
    if (kind == 1) text += static_cast<char>(32 + random() % 95);
    if (kind == 2) text += kPieces[random() % kPieces.size()];
    if (kind == 3) AppendUtf8(static_cast<char32_t>(random() % 0x110000), text);
  }
  return text;
}

void ExpectSound(const Tokenizer& tokenizer, const std::string& text) {
  const Encoding encoding = tokenizer.Encode(text);
  ASSERT_EQ(encoding.ids, tokenizer.EncodeIds(text)) << EscapeInvalidUtf8(text);
  ASSERT_EQ(encoding.ids.size(), encoding.ranges.size());
  ByteRange last;
  for (std::size_t i = 0; i < encoding.ids.size(); ++i) {
    ASSERT_TRUE(Value(encoding.ids[i]) >= 0 &&
                Value(encoding.ids[i]) < tokenizer.vocabulary_size());
    const ByteRange range = encoding.ranges[i];
    ASSERT_TRUE(range.begin <= range.end && range.end <= text.size()) << EscapeInvalidUtf8(text);
    ASSERT_TRUE(range.begin >= last.begin && range.end >= last.end) << EscapeInvalidUtf8(text);
    last = range;
  }
  tokenizer.Decode(encoding.ids);
}

TEST(TextFuzz, WordPieceReadsIllFormedTextAsItsRepair) {
  std::mt19937 random(11);
  for (int i = 0; i < 6000; ++i) {
    const std::string text = RandomText(random);
    ExpectSound(TestWordPiece(), text);
    ASSERT_EQ(TestWordPiece().EncodeIds(text), TestWordPiece().EncodeIds(RepairUtf8(text)))
        << EscapeInvalidUtf8(text);
  }
}

TEST(TextFuzz, BpeKeepsValidTextUpToMissingBytes) {
  constexpr std::string_view kMissing =
      "\x04\x06\x13\x14\x16\x1D\xC0\xC1\xF1\xF2\xF5\xF6\xF7\xF8\xF9\xFA\xFB\xFC\xFD\xFE\xFF";
  for (const std::string pre : {"smollm", "gpt-2", "llama-bpe", "qwen2"}) {
    const Bpe tokenizer = MakeBpe(pre);
    std::mt19937 random(12);
    for (int i = 0; i < 2000; ++i) {
      const std::string text = RandomText(random);
      ExpectSound(tokenizer, text);
      std::string valid = RepairUtf8(text);
      const std::string decoded = tokenizer.Decode(tokenizer.EncodeIds(valid));
      std::erase_if(valid, [&](char c) { return kMissing.find(c) != std::string_view::npos; });
      ASSERT_EQ(decoded, valid) << pre;
    }
  }
}

TEST(TextFuzz, SentencesCoverAllThatIsNotSpace) {
  std::mt19937 random(13);
  for (int i = 0; i < 20000; ++i) {
    const std::string text = RepairUtf8(RandomText(random));
    std::size_t at = 0;
    const auto expect_space = [&](std::size_t end) {
      for (; at < end; ++at) {
        const std::string around = EscapeInvalidUtf8(text);
        const auto byte = static_cast<unsigned char>(text[at]);
        ASSERT_TRUE(byte <= ' ' || byte >= 0x80) << around << " at " << at;
      }
    };
    for (const ByteRange range : SplitSentences(text)) {
      ASSERT_LT(range.begin, range.end);
      ASSERT_LE(range.end, text.size());
      ASSERT_EQ(FloorToCharacter(text, range.begin), range.begin);
      ASSERT_EQ(FloorToCharacter(text, range.end), range.end);
      ASSERT_GE(range.begin, at);
      expect_space(range.begin);
      at = range.end;
    }
    expect_space(text.size());
  }
}

TEST(TextFuzz, RepairMakesValidTextOfAnyBytes) {
  std::mt19937 random(14);
  for (int i = 0; i < 50000; ++i) {
    std::string text(random() % 24, ' ');
    for (char& c : text)
      c = static_cast<char>(random() % 3 == 0 ? random() % 128 : 0x80 + random() % 128);
    std::int64_t replaced = 0;
    const std::string repaired = RepairUtf8(text, &replaced);
    ASSERT_TRUE(IsValidUtf8(repaired));
    ASSERT_TRUE(IsValidUtf8(EscapeInvalidUtf8(text)));
    ASSERT_EQ(replaced == 0, IsValidUtf8(text));
    ASSERT_EQ(RepairUtf8(repaired), repaired);
  }
}

// A word of a million characters: quadratic work would take hours.
TEST(TextFuzz, TakesWordsOfAMillionCharacters) {
  const Bpe bpe = MakeBpe("smollm");
  for (const std::string piece : {"a", "ab", "\u0301", "\u302E\U0001D165", "\u4E2D", ".", " ",
                                  "\xFF", "e\u0301", "[", "'", "x\u00AD", "7"}) {
    std::string text;
    while (text.size() < 1000000) text += piece;
    ExpectSound(TestWordPiece(), text);
    ExpectSound(bpe, text);
  }
}

}  // namespace
}  // namespace fovea
