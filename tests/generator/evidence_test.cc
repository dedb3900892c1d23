#include "generator/evidence.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fovea {
namespace {

using ::testing::ElementsAre;

// Two passages; the short answer, "blue", stands in a sentence that is not the weightiest.
class EvidenceTest : public ::testing::Test {
 protected:
  EvidenceTest() {
    passages_.resize(2);
    passages_[0].text = "The sky is blue. Grass is green.";
    passages_[1].text = "Snow is white.";
    reading_.passages.resize(2);
    reading_.passages[0].sentences = {{{0, 16}, 0.2f}, {{17, 32}, 0.3f}};
    reading_.passages[0].tokens = {{{8, 10}, 0.0f, 0.1f}, {{11, 15}, 0.2f, 0.1f}, {{17, 22}, 0.3f}};
    reading_.passages[1].sentences = {{{0, 14}, 0.4f}};
    reading_.spans = {{0, {11, 15}, 0.5f}};
  }
  static std::vector<std::string_view> Texts(const std::vector<EvidenceSentence>& sentences) {
    std::vector<std::string_view> texts;
    for (const EvidenceSentence& sentence : sentences) texts.push_back(sentence.text);
    return texts;
  }

  std::vector<Passage> passages_;
  Reading reading_;
};

TEST_F(EvidenceTest, TheSentenceOfTheShortAnswerComesFirstThenTheWeightiest) {
  EXPECT_THAT(Texts(SentencesByWeight(passages_, reading_)),
              ElementsAre("The sky is blue.", "Snow is white.", "Grass is green."));
  reading_.spans.clear();
  EXPECT_THAT(Texts(SentencesByWeight(passages_, reading_)),
              ElementsAre("Snow is white.", "Grass is green.", "The sky is blue."));
}

TEST_F(EvidenceTest, OnlyWhatThePromptShowsIsEvidence) {
  Prompt prompt;
  prompt.evidence = {{0, {0, 16}, 0.2f}, {1, {0, 4}, 0.1f}};
  EXPECT_THAT(Texts(ShownIn(prompt, SentencesByWeight(passages_, reading_))),
              ElementsAre("The sky is blue.", "Snow is white."));
}

TEST_F(EvidenceTest, CopySourcesAreTheShownRunsWithTheirTokens) {
  Prompt prompt;
  prompt.evidence = {{0, {4, 16}, 0.2f}};
  const std::vector<CopySource> sources = CopySources(passages_, reading_, prompt);
  ASSERT_EQ(sources.size(), 1u);
  EXPECT_EQ(sources[0].text, "sky is blue.");
  ASSERT_EQ(sources[0].tokens.size(), 2u) << "the third lies outside the run";
  EXPECT_EQ(Slice(sources[0].text, sources[0].tokens[1].range), "blue");
  EXPECT_EQ(sources[0].tokens[1].start, 0.2f);
}

}  // namespace
}  // namespace fovea
