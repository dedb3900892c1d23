#include "generator/evidence_vocabulary.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "lib/nn/decoder.h"
#include "tests/support/models.h"

namespace fovea {
namespace {

constexpr float kPenalty = 3;

const Bpe& Tokens() { return TestDecoder().tokenizer(); }

class EvidenceVocabularyTest : public ::testing::Test {
 protected:
  // How many of the text's tokens are penalised when they are written one after the other.
  int Penalised(const std::string& text) const {
    int penalised = 0;
    std::string written;
    for (const TokenId token : Tokens().EncodeIds(text)) {
      penalised += PenaltyOf(token, written) > 0;
      written += Tokens().Decode({&token, 1});
    }
    return penalised;
  }
  float PenaltyOf(TokenId token, std::string_view written) const {
    std::vector<float> logits(static_cast<std::size_t>(Tokens().vocabulary_size()), 1.0f);
    vocabulary_.Penalise(written, kPenalty, logits);
    return 1.0f - logits[static_cast<std::size_t>(Value(token))];
  }

  TokenWords words_{Tokens()};
  std::vector<std::string_view> texts_ = {
      "How long is the bridge?",
      "The “Tower Bridge” was built from 1886 to 1894 by J. W. Barry; its elevation is 65 m."};
  EvidenceVocabulary vocabulary_{words_, texts_};
};

TEST_F(EvidenceVocabularyTest, WordsOfQuestionAndEvidenceAndFunctionWordsAreFree) {
  for (const char* text : {"The Tower Bridge was built from 1886 to 1894.",
                           "It was built by Barry, the bridge is "
                           "\"long\" (65 m).",
                           "BRIDGE tower", " the Bridge is elevated", "Bridges were built there"})
    EXPECT_EQ(Penalised(text), 0) << text;
}

TEST_F(EvidenceVocabularyTest, OtherWordsAndNumbersAreNot) {
  for (const char* text : {"The bridge was painted", "It was built in 1895.", "The Golden Bridge",
                           "built of granite", "The brick", "It has 655 steps"})
    EXPECT_GT(Penalised(text), 0) << text;
}

TEST_F(EvidenceVocabularyTest, ThePenaltyIsTakenOffOnce) {
  EXPECT_EQ(PenaltyOf(Tokens().EncodeIds(" granite").front(), "The bridge is of"), kPenalty);
  EXPECT_EQ(PenaltyOf(Tokens().EncodeIds(" built").front(), "The bridge was"), 0);
}

TEST_F(EvidenceVocabularyTest, AWordMayGoOnBeyondItsStemButNotEndBeforeIt) {
  const TokenId space = Tokens().EncodeIds(" the").front();
  EXPECT_EQ(PenaltyOf(space, "The bridge"), 0);
  EXPECT_EQ(PenaltyOf(space, "The bri"), kPenalty);
  EXPECT_EQ(PenaltyOf(Tokens().EncodeIds("dge").front(), "The bri"), 0);
  EXPECT_EQ(PenaltyOf(Tokens().EncodeIds("ck").front(), "The bri"), kPenalty);
  EXPECT_EQ(PenaltyOf(Tokens().EncodeIds("ing").front(), "The elevat"), 0);
}

TEST_F(EvidenceVocabularyTest, TheEndOfTheTurnIsFreeAfterAWholeWord) {
  const TokenId end = *Tokens().ControlToken("<|im_end|>");
  EXPECT_EQ(PenaltyOf(end, "It is the bridge"), 0);
  EXPECT_EQ(PenaltyOf(end, "It is the bridge."), 0);
  EXPECT_EQ(PenaltyOf(end, ""), 0);
}

}  // namespace
}  // namespace fovea
