#include "generator/ordered_words.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "lib/nn/decoder.h"
#include "tests/support/models.h"

namespace fovea {
namespace {

constexpr std::string_view kSentence =
    "During January, Martin Ivens (born 1958) became acting editor of the paper, and he was not "
    "paid until 2014.";

const Bpe& Tokens() { return TestDecoder().tokenizer(); }
TokenId End() { return TestDecoder().config().eos; }

ByteRange RangeOf(std::string_view part) {
  const std::size_t at = kSentence.find(part);
  return {at, at + part.size()};
}

OrderedWords Holding(std::string_view part) { return {kSentence, RangeOf(part), Tokens(), End()}; }

class Restricted {
 public:
  Restricted(const OrderedWords& words, const std::string& written)
      : logits_(static_cast<std::size_t>(Tokens().vocabulary_size()), 1.0f) {
    words.Restrict(Tokens().EncodeIds(written), logits_);
  }
  bool Leaves(TokenId token) const {
    return std::isfinite(logits_[static_cast<std::size_t>(Value(token))]);
  }
  std::size_t Left() const {
    std::size_t left = 0;
    for (const float logit : logits_) left += std::isfinite(logit);
    return left;
  }

 private:
  std::vector<float> logits_;
};

// Whether the decoder could write the statement, token by token, and end it.
bool MayWrite(const OrderedWords& words, const std::string& statement) {
  std::vector<TokenId> ids = Tokens().EncodeIds(statement);
  ids.push_back(End());
  for (std::size_t i = 0; i < ids.size(); ++i) {
    std::vector<float> logits(static_cast<std::size_t>(Tokens().vocabulary_size()), 1.0f);
    words.Restrict(std::span(ids).first(i), logits);
    if (!std::isfinite(logits[static_cast<std::size_t>(Value(ids[i]))])) return false;
  }
  return true;
}

// The first clause of it.
constexpr std::string_view kClause = kSentence.substr(0, kSentence.find(", and he"));

OrderedWords OfClause(std::string_view part) { return {kClause, RangeOf(part), Tokens(), End()}; }

TEST(OrderedWordsTest, WhatStandsBetweenMarksMayBeLeftOut) {
  const OrderedWords words = OfClause("Martin Ivens");
  for (const char* statement :
       {"Martin Ivens became acting editor of the paper", "Martin Ivens",
        "During January, Martin Ivens became acting editor of the paper",
        "During January, Martin Ivens, born 1958, became the acting editor of the paper"}) {
    EXPECT_TRUE(MayWrite(words, statement)) << statement;
  }
}

TEST(OrderedWordsTest, NothingElseMay) {
  const OrderedWords words = OfClause("Martin Ivens");
  for (const char* statement :
       {"January, Martin Ivens became acting editor of the paper", "Martin Ivens became editor",
        "Martin Ivens became acting editor", "Martin Ivens 1958"}) {
    EXPECT_FALSE(MayWrite(words, statement)) << statement;
  }
}

TEST(OrderedWordsTest, NeitherOtherWordsNorAnotherOrder) {
  const OrderedWords words = OfClause("Martin Ivens");
  for (const char* statement :
       {"Acting editor of the paper became Martin Ivens", "Martin Ivens became chief editor",
        "Martin Ivens became the editors", "martin Ivens", "The Martin Ivens"}) {
    EXPECT_FALSE(MayWrite(words, statement)) << statement;
  }
}

TEST(OrderedWordsTest, ThePartStandsWhole) {
  const OrderedWords words = OfClause("acting editor of the paper");
  EXPECT_TRUE(MayWrite(words, "Martin Ivens became acting editor of the paper"));
  EXPECT_FALSE(MayWrite(words, "Acting editor of the paper"));
  EXPECT_FALSE(MayWrite(words, "Martin Ivens became acting editor"));
}

TEST(OrderedWordsTest, APartThatEndsWithinAWordTakesTheWhole) {
  const OrderedWords words = OfClause("Martin Iv");
  EXPECT_TRUE(MayWrite(words, "Martin Ivens"));
  EXPECT_FALSE(MayWrite(words, "Martin Iv"));
}

TEST(OrderedWordsTest, WhatTurnsTheSentenceRoundStays) {
  const OrderedWords words = Holding("Martin Ivens");
  EXPECT_TRUE(MayWrite(
      words, "Martin Ivens became acting editor of the paper, and he was not paid until 2014"));
  EXPECT_FALSE(MayWrite(
      words, "Martin Ivens became acting editor of the paper, and he was paid until 2014"));
  EXPECT_FALSE(
      MayWrite(words, "Martin Ivens became acting editor of the paper, and he was not paid"));
  EXPECT_FALSE(MayWrite(words, "Martin Ivens became acting editor of the paper"))
      << "\"not\" is left out at the end";
}

TEST(OrderedWordsTest, WhatTellsHowSureItIsIsNotJumpedOver) {
  const std::string sentence =
      "Stern argued, in vain, that salt, it may be, was better than wool for trade.";
  const std::size_t salt = sentence.find("salt");
  const OrderedWords words(sentence, {salt, salt + 4}, Tokens(), End());
  EXPECT_TRUE(MayWrite(words, "Stern argued that salt, it may be, was better than wool"));
  EXPECT_TRUE(MayWrite(words, "Stern argued, in vain, that salt")) << "all that follows may go";
  EXPECT_FALSE(MayWrite(words, "That salt, it may be, was better than wool"));
  EXPECT_FALSE(MayWrite(words, "Stern argued that salt was better than wool"));
  EXPECT_FALSE(MayWrite(words, "Stern argued that salt, it may be, was better"));
}

TEST(OrderedWordsTest, AStatementDoesNotEndWithASmallWord) {
  const OrderedWords words = OfClause("Martin Ivens");
  EXPECT_FALSE(Restricted(words, "").Leaves(End()));
  EXPECT_TRUE(Restricted(words, "Martin Ivens").Leaves(End()));
  EXPECT_FALSE(Restricted(words, "Martin Ivens and the").Leaves(End()));
  // Neither the same one twice nor more than two, and a comma is the first of them.
  EXPECT_FALSE(Restricted(words, "Martin Ivens the").Leaves(Tokens().EncodeIds(" the").front()));
  EXPECT_TRUE(Restricted(words, "Martin Ivens the").Leaves(Tokens().EncodeIds(" and").front()));
  EXPECT_FALSE(Restricted(words, "Martin Ivens, the").Leaves(Tokens().EncodeIds(" and").front()));
  EXPECT_FALSE(Restricted(words, "Martin Ivens the").Leaves(Tokens().EncodeIds(",").front()));
}

TEST(OrderedWordsTest, ItBeginsWithASmallWordWhereTheSentenceDoes) {
  const std::string sentence = "In vain, the robot woke.";
  EXPECT_TRUE(MayWrite({sentence, {13, 18}, Tokens(), End()}, "The robot woke"));
  EXPECT_TRUE(MayWrite({sentence, {13, 18}, Tokens(), End()}, "Robot woke"));
  EXPECT_FALSE(MayWrite({"In vain, robots woke.", {9, 15}, Tokens(), End()}, "The robots woke"));
}

TEST(OrderedWordsTest, AFullStopIsAnEnd) {
  const OrderedWords words = OfClause("Martin Ivens");
  std::vector<float> logits(static_cast<std::size_t>(Tokens().vocabulary_size()), 1.0f);
  logits[static_cast<std::size_t>(Value(Tokens().EncodeIds(".").back()))] = 5;
  words.Restrict(Tokens().EncodeIds("Martin Ivens"), logits);
  EXPECT_EQ(logits[static_cast<std::size_t>(Value(End()))], 5);
}

TEST(OrderedWordsTest, SomethingIsAlwaysLeft) {
  // A sentence without words, and one at whose end nothing more may come.
  EXPECT_EQ(Restricted({"…", {0, 3}, Tokens(), End()}, "").Left(), 1u);
  EXPECT_EQ(Restricted({"—", {0, 0}, Tokens(), End()}, "").Left(), 1u);
  const OrderedWords words("Ivens", {0, 5}, Tokens(), End());
  EXPECT_TRUE(Restricted(words, "Ivens").Leaves(End()));
  EXPECT_EQ(Restricted(words, "Ivens").Left(), 1u);
  EXPECT_TRUE(Restricted(words, "Nobody").Leaves(End())) << "written under another rule";
}

TEST(OrderedWordsTest, NamesOfCodeAreSpeltAsTheyAre) {
  const std::string shell = "sqlite> .import --csv tab, or open \":memory:\" (at -1).";
  const OrderedWords words(shell, {8, 15}, Tokens(), End());
  EXPECT_TRUE(MayWrite(words, "sqlite> .import --csv tab"));
  EXPECT_TRUE(MayWrite(words, "sqlite> .import --csv tab, or open :memory: at -1"));
  EXPECT_FALSE(MayWrite(words, "Sqlite> .import --csv tab"));
  EXPECT_FALSE(MayWrite(words, "sqlite> import --csv tab"));
  EXPECT_TRUE(MayWrite({"a_b() opens it.", {0, 5}, Tokens(), End()}, "a_b opens it"));
  EXPECT_FALSE(MayWrite({"a_b() opens it.", {0, 5}, Tokens(), End()}, "A_b opens it"));
}

TEST(OrderedWordsTest, WordsOfOtherScriptsAreWritten) {
  const std::string sentence = "Die Straße nach Köln — 東京 und zurück.";
  const OrderedWords words(sentence, {4, 11}, Tokens(), End());
  EXPECT_TRUE(MayWrite(words, "Die Straße nach Köln"));
  EXPECT_TRUE(MayWrite(words, "Die Straße nach Köln, 東京 und zurück"));
}

}  // namespace
}  // namespace fovea
