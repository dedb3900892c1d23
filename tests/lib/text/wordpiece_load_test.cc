#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "lib/text/wordpiece.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_folder.h"

namespace fovea {
namespace {

using Json = nlohmann::json;

Json Added(const char* text, int id) {
  return {{"id", id},
          {"content", text},
          {"special", true},
          {"single_word", false},
          {"normalized", false}};
}

Json Small() {
  return {
      {"added_tokens", {Added("[UNK]", 0), Added("[CLS]", 1), Added("[SEP]", 2)}},
      {"normalizer", {{"type", "BertNormalizer"}, {"lowercase", true}, {"strip_accents", nullptr}}},
      {"pre_tokenizer", {{"type", "BertPreTokenizer"}}},
      {"post_processor",
       {{"type", "BertProcessing"}, {"sep", {"[SEP]", 2}}, {"cls", {"[CLS]", 1}}}},
      {"model",
       {{"type", "WordPiece"},
        {"unk_token", "[UNK]"},
        {"continuing_subword_prefix", "##"},
        {"vocab",
         {{"[UNK]", 0},
          {"[CLS]", 1},
          {"[SEP]", 2},
          {"a", 3},
          {"##b", 4},
          {"ab", 5},
          {"##a", 6}}}}}};
}

std::vector<TokenId> Encode(const Json& config, std::string_view text) {
  const TempFolder folder;
  folder.Write("tokenizer.json", config.dump());
  return WordPiece::Load(folder.path())->EncodeIds(text, SpecialTokens::kParsed);
}

void ExpectRefused(const Json& config, ErrorCode code, const std::string& part) {
  EXPECT_ERROR(Encode(config, ""), code, part);
}

std::vector<TokenId> Ids(std::initializer_list<int> values) {
  std::vector<TokenId> ids;
  for (const int value : values) ids.push_back(TokenId{value});
  return ids;
}

TEST(WordPieceLoad, TakesTheLongestPieceFirst) {
  EXPECT_EQ(Encode(Small(), "ab aab abb aba b abc"), Ids({1, 5, 3, 6, 4, 5, 4, 5, 6, 0, 0, 2}));
}

TEST(WordPieceLoad, TakesAnotherPrefixAndNone) {
  Json config = Small();
  config["model"]["continuing_subword_prefix"] = "@";
  config["model"]["vocab"]["@c"] = 7;
  EXPECT_EQ(Encode(config, "abc abb"), Ids({1, 5, 7, 0, 2}));
  config["model"]["continuing_subword_prefix"] = "";
  EXPECT_EQ(Encode(config, "abaaab"), Ids({1, 5, 3, 3, 5, 2}));
}

TEST(WordPieceLoad, TakesTheLongestAddedToken) {
  Json config = Small();
  config["added_tokens"].push_back(Added("<x>", 7));
  config["added_tokens"].push_back(Added("<x>a", 8));
  EXPECT_EQ(Encode(config, "a<x>ab<x>b"), Ids({1, 3, 8, 0, 7, 0, 2}));
}

TEST(WordPieceLoad, RefusesOtherModels) {
  Json config = Small();
  config["model"]["type"] = "Unigram";
  ExpectRefused(config, ErrorCode::kUnsupported, "Unigram");
  config = Small();
  config["normalizer"]["type"] = "Sequence";
  ExpectRefused(config, ErrorCode::kUnsupported, "BertNormalizer");
  config = Small();
  config.erase("pre_tokenizer");
  ExpectRefused(config, ErrorCode::kUnsupported, "BertPreTokenizer");
  config = Small();
  config["post_processor"] = nullptr;
  ExpectRefused(config, ErrorCode::kUnsupported, "post_processor");
  config = Small();
  config["added_tokens"][1]["normalized"] = true;
  ExpectRefused(config, ErrorCode::kUnsupported, "[CLS]");
}

TEST(WordPieceLoad, RefusesDamagedFiles) {
  Json config = Small();
  config["model"]["vocab"]["a"] = -1;
  ExpectRefused(config, ErrorCode::kCorrupt, "-1");
  config["model"]["vocab"]["a"] = 4;
  ExpectRefused(config, ErrorCode::kCorrupt, "stands twice");
  config["model"]["vocab"]["a"] = "x";
  ExpectRefused(config, ErrorCode::kCorrupt, "tokenizer.json");
  config["model"]["vocab"]["a"] = 3.5;
  ExpectRefused(config, ErrorCode::kCorrupt, "whole numbers");
  config["model"]["vocab"]["a"] = Json::object();
  ExpectRefused(config, ErrorCode::kCorrupt, "whole numbers");
  config["model"]["vocab"]["a"] = 4000000000;
  ExpectRefused(config, ErrorCode::kCorrupt, "out of range");
  config["model"].erase("vocab");
  ExpectRefused(config, ErrorCode::kCorrupt, "no vocabulary");
  config["model"] = Json::array({Json{{"vocab", 1}}, Json{{"a", 3}}});
  ExpectRefused(config, ErrorCode::kCorrupt, "tokenizer.json");
  config = Small();
  config["model"]["unk_token"] = "<unk>";
  ExpectRefused(config, ErrorCode::kCorrupt, "<unk>");
  config = Small();
  config.erase("model");
  ExpectRefused(config, ErrorCode::kCorrupt, "model");
  config = Small();
  config["normalizer"]["lowercase"] = "yes";
  ExpectRefused(config, ErrorCode::kCorrupt, "tokenizer.json");
  const std::string whole = Small().dump();
  for (std::size_t size = 0; size < whole.size(); size += 7) {
    const TempFolder folder;
    folder.Write("tokenizer.json", whole.substr(0, size));
    EXPECT_ERROR(WordPiece::Load(folder.path()), ErrorCode::kCorrupt, "tokenizer.json");
  }
}

TEST(WordPieceLoad, RefusesAVocabularyThatIsNotText) {
  const TempFolder folder;
  folder.Write("vocab.txt", "[PAD]\n[UNK]\n\xff\n");
  EXPECT_ERROR(WordPiece::Load(folder.path()), ErrorCode::kCorrupt, "vocab.txt");
  folder.Write("vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[MASK]\n");
  EXPECT_ERROR(WordPiece::Load(folder.path()), ErrorCode::kCorrupt, "[SEP]");
  folder.Write("vocab.txt", "[PAD]\r\n[UNK]\r\n[CLS]\r\n[SEP]\r\n[MASK]\r\na\r\n");
  EXPECT_EQ(WordPiece::Load(folder.path())->EncodeIds("A"), Ids({2, 5, 3}));
}

TEST(WordPieceLoad, SaysWhereItLooked) {
  const TempFolder folder;
  EXPECT_ERROR(WordPiece::Load(folder.path()), ErrorCode::kNotFound, folder.path().string());
}

}  // namespace
}  // namespace fovea
