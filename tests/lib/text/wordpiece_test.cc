#include "lib/text/wordpiece.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <string>
#include <vector>

#include "lib/text/utf8.h"
#include "tests/lib/text/golden_texts.h"
#include "tests/support/expect_error.h"
#include "tests/support/models.h"
#include "tests/support/temp_folder.h"

namespace fovea {
namespace {

const WordPiece& Tokenizer() {
  static const std::unique_ptr<WordPiece> tokenizer = WordPiece::Load(TestEmbedderFolder());
  return *tokenizer;
}

std::vector<TokenId> Ids(std::initializer_list<int> values) {
  std::vector<TokenId> ids;
  for (const int value : values) ids.push_back(TokenId{value});
  return ids;
}

TEST(WordPiece, GivesTheIdsOfHuggingFaceOnEveryText) {
  const std::vector<GoldenText> texts = GoldenTexts();
  const nlohmann::json golden = ReadGolden("wordpiece.json");
  ASSERT_GE(texts.size(), 300u);
  ASSERT_EQ(texts.size(), golden["ids"].size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const nlohmann::json& expected = golden["ids"][i];
    EXPECT_EQ(AsGolden(Tokenizer().EncodeIds(texts[i].text, SpecialTokens::kParsed), expected),
              expected)
        << texts[i].name;
  }
}

TEST(WordPiece, GivesTheIdsOfHuggingFaceOnEveryCodePoint) {
  const nlohmann::json sweep = ReadGolden("wordpiece.json")["sweep"];
  ASSERT_EQ(sweep.size(), 0x1100u);
  for (char32_t block = 0; block < 0x1100; ++block) {
    EXPECT_EQ(HashIds(Tokenizer().EncodeIds(BlockText(block))).substr(0, 8),
              sweep[block].get<std::string>())
        << std::hex << std::uint32_t{block};
  }
}

TEST(WordPiece, HonoursTheFlagsOfTheNormalizerAndTheLimits) {
  const std::vector<GoldenText> texts = GoldenTexts();
  std::ifstream file(TestEmbedderFolder() / "tokenizer.json");
  const nlohmann::json original = nlohmann::json::parse(file);
  const nlohmann::json golden = ReadGolden("wordpiece.json");
  for (const nlohmann::json& variant : golden["variants"]) {
    nlohmann::json changed = original;
    changed.merge_patch(variant["patch"]);
    const TempFolder folder;
    folder.Write("tokenizer.json", changed.dump());
    const std::unique_ptr<WordPiece> tokenizer = WordPiece::Load(folder.path());
    for (std::size_t i = 0; i < texts.size(); ++i) {
      EXPECT_EQ(HashIds(tokenizer->EncodeIds(texts[i].text, SpecialTokens::kParsed)),
                variant["hashes"][i].get<std::string>())
          << texts[i].name << " with " << variant["patch"];
    }
  }
}

TEST(WordPiece, ReadsTheVocabularyAsWellWithoutTokenizerJson) {
  const TempFolder folder;
  for (const char* name : {"vocab.txt", "tokenizer_config.json"}) {
    std::filesystem::copy(TestEmbedderFolder() / name, folder.path() / name);
  }
  const std::unique_ptr<WordPiece> tokenizer = WordPiece::Load(folder.path());
  EXPECT_EQ(tokenizer->vocabulary_size(), Tokenizer().vocabulary_size());
  for (const GoldenText& text : GoldenTexts()) {
    for (const SpecialTokens special : {SpecialTokens::kText, SpecialTokens::kParsed})
      EXPECT_EQ(tokenizer->EncodeIds(text.text, special), Tokenizer().EncodeIds(text.text, special))
          << text.name;
  }
}

TEST(WordPiece, EncodesWithRangesToTheSameIds) {
  for (const GoldenText& text : GoldenTexts()) {
    for (const SpecialTokens special : {SpecialTokens::kText, SpecialTokens::kParsed}) {
      const Encoding parsed = Tokenizer().Encode(text.text, special);
      EXPECT_EQ(parsed.ids, Tokenizer().EncodeIds(text.text, special)) << text.name;
      EXPECT_EQ(parsed.ids.size(), parsed.ranges.size());
    }
    const Encoding encoding = Tokenizer().Encode(text.text);
    EXPECT_EQ(encoding.ids, Tokenizer().EncodeIds(text.text)) << text.name;
    EXPECT_EQ(Tokenizer().Count(text.text), static_cast<int>(encoding.ids.size()) - 2);
  }
}

TEST(WordPiece, GivesRangesThatAscendInsideTheText) {
  for (const GoldenText& text : GoldenTexts()) {
    const Encoding encoding = Tokenizer().Encode(text.text);
    EXPECT_EQ(encoding.ranges.front(), (ByteRange{0, 0}));
    EXPECT_EQ(encoding.ranges.back(), (ByteRange{text.text.size(), text.text.size()}));
    ByteRange last;
    for (std::size_t i = 1; i + 1 < encoding.ids.size(); ++i) {
      const ByteRange range = encoding.ranges[i];
      ASSERT_LT(range.begin, range.end) << text.name;
      ASSERT_LE(range.end, text.text.size()) << text.name;
      ASSERT_TRUE(range.begin >= last.begin && range.end >= last.end) << text.name;
      if (text.valid_utf8) {
        ASSERT_EQ(FloorToCharacter(text.text, range.begin), range.begin) << text.name;
        ASSERT_EQ(FloorToCharacter(text.text, range.end), range.end) << text.name;
      }
      last = range;
    }
  }
}

// In ASCII each token is, but for case, the bytes of its range.
TEST(WordPiece, GivesTheRangeThatATokenStandsFor) {
  int checked = 0;
  for (const GoldenText& text : GoldenTexts()) {
    const bool ascii =
        std::all_of(text.text.begin(), text.text.end(), [](char c) { return c >= ' ' && c < 127; });
    if (!ascii) continue;
    const Encoding encoding = Tokenizer().Encode(text.text);
    for (std::size_t i = 1; i + 1 < encoding.ids.size(); ++i) {
      std::string token = Tokenizer().Decode({&encoding.ids[i], 1});
      if (token.empty()) continue;  // [UNK] and other special tokens.
      if (token.size() > 2 && token.starts_with("##")) token.erase(0, 2);
      std::string slice(Slice(text.text, encoding.ranges[i]));
      for (char& c : slice) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      EXPECT_EQ(slice, token) << text.name;
      ++checked;
    }
  }
  EXPECT_GT(checked, 1000);
}

TEST(WordPiece, KeepsAnAccentInTheRangeOfItsLetter) {
  const std::string text = "cafe\u0301 \u00E9a";
  const Encoding encoding = Tokenizer().Encode(text);
  ASSERT_EQ(encoding.ids.size(), 4u);
  EXPECT_EQ(Slice(text, encoding.ranges[1]), "cafe\u0301");
  EXPECT_EQ(Slice(text, encoding.ranges[2]), "\u00E9a");
}

TEST(WordPiece, LeavesSpecialTokensThatATextSpellsOutAsText) {
  const std::string text = "a[SEP]b";
  const Encoding encoding = Tokenizer().Encode(text);
  EXPECT_EQ(encoding.ids, Ids({101, 1037, 1031, 19802, 1033, 1038, 102}));
  EXPECT_EQ(encoding.ranges[3], (ByteRange{2, 5}));
  for (const TokenId id : Tokenizer().EncodeIds("[CLS] [SEP] [MASK] [PAD] [UNK] [SEP]"))
    EXPECT_TRUE(id == TokenId{101} || id == TokenId{102} || Value(id) > 103) << Value(id);
  const auto ids = Tokenizer().EncodeIds("[CLS][SEP]x[SEP]");
  EXPECT_EQ(std::count(ids.begin(), ids.end(), TokenId{102}), 1);
  EXPECT_EQ(std::count(ids.begin(), ids.end(), TokenId{101}), 1);
}

TEST(WordPiece, FindsSpecialTokensInTheTextWhereAskedTo) {
  const std::string text = "a[SEP]b";
  const Encoding encoding = Tokenizer().Encode(text, SpecialTokens::kParsed);
  EXPECT_EQ(encoding.ids, Ids({101, 1037, 102, 1038, 102}));
  EXPECT_EQ(encoding.ranges[2], (ByteRange{1, 6}));
  EXPECT_EQ(Tokenizer().cls(), TokenId{101});
  EXPECT_EQ(Tokenizer().sep(), TokenId{102});
}

TEST(WordPiece, DecodesWithoutSpecialTokens) {
  EXPECT_EQ(Tokenizer().Decode(Tokenizer().EncodeIds("Hello, tokenization works! [SEP] Yes.",
                                                     SpecialTokens::kParsed)),
            "hello, tokenization works! yes.");
  EXPECT_EQ(Tokenizer().Decode({}), "");
  EXPECT_ERROR(Tokenizer().Decode(Ids({30522})), ErrorCode::kInvalidArgument, "30522");
  EXPECT_ERROR(Tokenizer().Decode(Ids({-1})), ErrorCode::kInvalidArgument, "-1");
}

TEST(WordPiece, CountsNothingInNothing) {
  EXPECT_EQ(Tokenizer().Count(""), 0);
  EXPECT_EQ(Tokenizer().EncodeIds(""), Ids({101, 102}));
}

}  // namespace
}  // namespace fovea
