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
    "During January, Martin Ivens (born 1958) became acting editor of the paper, but he was not "
    "paid until 2014.";

const Bpe& Tokens() { return TestDecoder().tokenizer(); }
TokenId End() { return TestDecoder().config().eos; }

ByteRange RangeOf(std::string_view part) {
  const std::size_t at = kSentence.find(part);
  return {at, at + part.size()};
}

OrderedWords Holding(std::string_view part) {
  return {kSentence, RangeOf(part), Tokens(), End()};
}

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

TEST(OrderedWordsTest, WordsMayBeLeftOutAndSmallOnesPutIn) {
  const OrderedWords words(kSentence.substr(0, 75), RangeOf("Martin Ivens"), Tokens(), End());
  for (const char* statement :
       {"Martin Ivens became acting editor of the paper", "Martin Ivens was the acting editor",
        "During January, Martin Ivens became editor", "January, Martin Ivens", "Martin Ivens"}) {
    EXPECT_TRUE(MayWrite(words, statement)) << statement;
  }
}

TEST(OrderedWordsTest, NeitherOtherWordsNorAnotherOrder) {
  const OrderedWords words(kSentence.substr(0, 75), RangeOf("Martin Ivens"), Tokens(), End());
  for (const char* statement :
       {"The acting editor was Martin Ivens", "Martin Ivens became chief editor",
        "Martin Ivens editor acting", "Martin Ivens became the editors", "martin Ivens"}) {
    EXPECT_FALSE(MayWrite(words, statement)) << statement;
  }
}

TEST(OrderedWordsTest, ThePartStandsWhole) {
  const OrderedWords words(kSentence.substr(0, 75), RangeOf("acting editor of the paper"), Tokens(),
                           End());
  EXPECT_TRUE(MayWrite(words, "Martin Ivens became acting editor of the paper"));
  EXPECT_TRUE(MayWrite(words, "Acting editor of the paper"));
  EXPECT_FALSE(MayWrite(words, "Martin Ivens became acting editor"));
  EXPECT_FALSE(MayWrite(words, "Martin Ivens became editor of the paper"));
}

TEST(OrderedWordsTest, APartThatEndsWithinAWordTakesTheWhole) {
  const OrderedWords words(kSentence.substr(0, 75), RangeOf("Martin Iv"), Tokens(), End());
  EXPECT_TRUE(MayWrite(words, "Martin Ivens became editor"));
  EXPECT_FALSE(MayWrite(words, "Martin Iv"));
}

TEST(OrderedWordsTest, WhatTurnsTheSentenceRoundStays) {
  const OrderedWords words = Holding("editor");
  EXPECT_TRUE(MayWrite(words, "The editor was not paid until 2014"));
  EXPECT_FALSE(MayWrite(words, "The editor was paid until 2014"));
  EXPECT_FALSE(MayWrite(words, "The editor was not paid"));
  EXPECT_FALSE(MayWrite(words, "Martin Ivens became editor")) << "\"not\" is left out at the end";
}

TEST(OrderedWordsTest, AStatementDoesNotEndWithASmallWord) {
  const OrderedWords words(kSentence.substr(0, 75), RangeOf("Martin Ivens"), Tokens(), End());
  EXPECT_FALSE(Restricted(words, "").Leaves(End()));
  EXPECT_TRUE(Restricted(words, "Martin Ivens").Leaves(End()));
  EXPECT_FALSE(Restricted(words, "Martin Ivens was the").Leaves(End()));
  // Not the same one twice, nor more than three.
  EXPECT_FALSE(Restricted(words, "Martin Ivens was the").Leaves(Tokens().EncodeIds(" the").front()));
  EXPECT_FALSE(
      Restricted(words, "Martin Ivens, and the").Leaves(Tokens().EncodeIds(" was").front()));
}

TEST(OrderedWordsTest, AFullStopIsAnEnd) {
  const OrderedWords words(kSentence.substr(0, 75), RangeOf("Martin Ivens"), Tokens(), End());
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

TEST(OrderedWordsTest, WordsOfOtherScriptsAreWritten) {
  const std::string sentence = "Die Straße nach Köln — 東京 und zurück.";
  const OrderedWords words(sentence, {4, 11}, Tokens(), End());
  EXPECT_TRUE(MayWrite(words, "Straße nach Köln"));
  EXPECT_TRUE(MayWrite(words, "Die Straße 東京 zurück"));
}

}  // namespace
}  // namespace fovea
