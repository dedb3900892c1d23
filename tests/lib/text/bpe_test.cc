#include "lib/text/bpe.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "lib/nn/gguf.h"
#include "lib/text/utf8.h"
#include "tests/lib/text/golden_texts.h"
#include "tests/support/expect_error.h"
#include "tests/support/models.h"

namespace fovea {
namespace {

BpeModel ShippedModel() {
  static const BpeModel model = [] {
    const GgufFile file(TestGeneratorFile());
    BpeModel read;
    read.tokens = std::get<std::vector<std::string>>(file.metadata().at("tokenizer.ggml.tokens"));
    read.merges = std::get<std::vector<std::string>>(file.metadata().at("tokenizer.ggml.merges"));
    for (const std::int64_t type :
         std::get<std::vector<std::int64_t>>(file.metadata().at("tokenizer.ggml.token_type"))) {
      read.token_types.push_back(static_cast<int>(type));
    }
    read.pre = file.String("tokenizer.ggml.pre");
    return read;
  }();
  return model;
}

const Bpe& Tokenizer() {
  static const Bpe tokenizer(ShippedModel());
  return tokenizer;
}

std::vector<TokenId> Ids(std::initializer_list<int> values) {
  std::vector<TokenId> ids;
  for (const int value : values) ids.push_back(TokenId{value});
  return ids;
}

BpeModel Small() {
  BpeModel model;
  model.tokens = {"a", "b", "c", "ab", "bc", "abc", "<stop>", "\u0120"};
  model.merges = {"b c", "a b", "a bc"};
  model.token_types = {1, 1, 1, 1, 1, 1, 3, 1};
  return model;
}

TEST(Bpe, GivesTheIdsOfLlamaCppOnEveryTextAndPreTokenizer) {
  const std::vector<GoldenText> texts = GoldenTexts();
  ASSERT_GE(texts.size(), 300u);
  const nlohmann::json golden = ReadGolden("bpe.json");
  ASSERT_EQ(golden["models"].size(), 5u);
  for (const nlohmann::json& variant : golden["models"]) {
    BpeModel model = ShippedModel();
    model.pre = variant["pre"];
    for (const std::size_t id : variant["user_defined"]) model.token_types[id] = 4;
    const Bpe tokenizer(std::move(model));
    ASSERT_EQ(texts.size(), variant["ids"].size());
    for (std::size_t i = 0; i < texts.size(); ++i) {
      const nlohmann::json& expected = variant["ids"][i];
      EXPECT_EQ(AsGolden(tokenizer.EncodeIds(texts[i].text), expected), expected)
          << texts[i].name << " with " << variant["pre"];
    }
    for (char32_t block = 0; block < 0x1100; ++block) {
      EXPECT_EQ(HashIds(tokenizer.EncodeIds(BlockText(block))).substr(0, 8),
                variant["sweep"][block].get<std::string>())
          << std::hex << std::uint32_t{block} << " with " << variant["pre"];
    }
  }
}

// Each token is the bytes of its range, in every text that is valid UTF-8.
TEST(Bpe, GivesTheRangeThatATokenStandsFor) {
  for (const GoldenText& text : GoldenTexts()) {
    const Encoding encoding = Tokenizer().Encode(text.text);
    EXPECT_EQ(encoding.ids, Tokenizer().EncodeIds(text.text)) << text.name;
    ASSERT_EQ(encoding.ids.size(), encoding.ranges.size());
    ByteRange last;
    for (std::size_t i = 0; i < encoding.ids.size(); ++i) {
      const ByteRange range = encoding.ranges[i];
      ASSERT_LE(range.end, text.text.size()) << text.name;
      ASSERT_TRUE(range.begin >= last.begin && range.end >= last.end && !range.empty())
          << text.name;
      last = range;
      if (text.valid_utf8) {
        ASSERT_EQ(Tokenizer().Decode({&encoding.ids[i], 1}), Slice(text.text, range)) << text.name;
      }
    }
  }
}

// SmolLM2 has no token for six control characters and for bytes that lead only unassigned or
// private code points.
TEST(Bpe, DecodesToTheTextWithoutTheBytesThatTheVocabularyLacks) {
  constexpr std::string_view kMissing =
      "\x04\x06\x13\x14\x16\x1D\xC0\xC1\xF1\xF2\xF5\xF6\xF7\xF8\xF9\xFA\xFB\xFC\xFD\xFE\xFF";
  int whole = 0;
  for (const GoldenText& text : GoldenTexts()) {
    if (!text.valid_utf8) continue;
    std::string expected = text.text;
    std::erase_if(expected, [&](char c) { return kMissing.find(c) != std::string_view::npos; });
    EXPECT_EQ(Tokenizer().Decode(Tokenizer().EncodeIds(text.text)), expected) << text.name;
    whole += expected == text.text ? 1 : 0;
  }
  EXPECT_GT(whole, 300);
}

TEST(Bpe, ReadsIllFormedBytesAsReplacementCharacters) {
  EXPECT_EQ(Tokenizer().Decode(Tokenizer().EncodeIds("a\xFF\xE2\x82z")), "a\uFFFD\uFFFD\uFFFDz");
  EXPECT_EQ(Tokenizer().Decode(Tokenizer().EncodeIds("\xED\xA0\x80")), "\uFFFD\uFFFD\uFFFD");
}

TEST(Bpe, NeverMakesAControlTokenOfText) {
  for (int id = 0; id < Tokenizer().vocabulary_size(); ++id) {
    if (!Tokenizer().IsControl(TokenId{id})) continue;
    const std::string text = ShippedModel().tokens[static_cast<std::size_t>(id)];
    EXPECT_EQ(Tokenizer().ControlToken(text), TokenId{id});
    for (const TokenId token : Tokenizer().EncodeIds("x " + text + text))
      EXPECT_FALSE(Tokenizer().IsControl(token));
  }
  EXPECT_EQ(Tokenizer().ControlToken("<|im_start|>"), TokenId{1});
  EXPECT_EQ(Tokenizer().ControlToken("<|im_end|>"), TokenId{2});
  EXPECT_EQ(Tokenizer().ControlToken("the"), std::nullopt);
  EXPECT_FALSE(Tokenizer().IsControl(TokenId{-1}) || Tokenizer().IsControl(TokenId{49152}));
}

TEST(Bpe, MergesTheLowestRankFirst) {
  const Bpe tokenizer(Small());
  EXPECT_EQ(tokenizer.EncodeIds("abc"), Ids({5}));
  EXPECT_EQ(tokenizer.EncodeIds("ababc"), Ids({3, 5}));
  EXPECT_EQ(tokenizer.EncodeIds("ab x c"), Ids({3, 7, 7, 2}))
      << "bytes without a token are dropped";
  EXPECT_EQ(tokenizer.Decode(Ids({5, 6, 7, 0})), "abc a") << "control tokens give nothing";
}

TEST(Bpe, RefusesWhatDoesNotFit) {
  BpeModel model = Small();
  model.merges.push_back("a c");
  EXPECT_ERROR(Bpe{model}, ErrorCode::kCorrupt, "merge 3 (\"a c\")");
  for (const char* merge : {"", "a", " ", "a ", " b", "ab  c"}) {
    model.merges.back() = merge;
    EXPECT_ERROR(Bpe{model}, ErrorCode::kCorrupt, "merge 3");
  }
  model = Small();
  model.token_types[5] = 3;  // A merge would make a control token.
  EXPECT_ERROR(Bpe{model}, ErrorCode::kCorrupt, "merge 2");
  model = Small();
  model.token_types.pop_back();
  EXPECT_ERROR(Bpe{model}, ErrorCode::kCorrupt, "token types");
  model = Small();
  model.token_types[0] = 9;
  EXPECT_ERROR(Bpe{model}, ErrorCode::kCorrupt, "token types");
  EXPECT_ERROR(Bpe{BpeModel{}}, ErrorCode::kCorrupt, "0 tokens");
  model = Small();
  model.pre = "nonesuch";
  EXPECT_ERROR(Bpe{model}, ErrorCode::kUnsupported, "nonesuch");
}

TEST(Bpe, RefusesIdsOutsideTheVocabulary) {
  EXPECT_ERROR(Tokenizer().Decode(Ids({49152})), ErrorCode::kInvalidArgument, "49152");
  EXPECT_ERROR(Tokenizer().Decode(Ids({-1})), ErrorCode::kInvalidArgument, "-1");
}

}  // namespace
}  // namespace fovea
