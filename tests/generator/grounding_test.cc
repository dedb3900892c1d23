#include "generator/grounding.h"

#include <gtest/gtest.h>

namespace fovea {
namespace {

constexpr const char* kQuestion = "How high is Mount Elbert?";
constexpr const char* kFirst = "Mount Elbert rises to an elevation of 4,401 metres.";
constexpr const char* kSecond = "It was named after Samuel Elbert, a governor of Colorado.";

std::vector<EvidenceSentence> TwoSentences() {
  return {{0, {0, 51}, kFirst, 0.6f}, {0, {52, 110}, kSecond, 0.3f}};
}

TEST(GroundingTest, WordsFoundInTheEvidenceSupport) {
  EXPECT_EQ(Support("It has an elevation of 4,401 metres.", kFirst, kQuestion), 1);
  EXPECT_EQ(Support("It is full of bananas.", kFirst, kQuestion), 0);
}

TEST(GroundingTest, WordsOfTheQuestionCountAsWell) {
  // "Mount" and "Elbert" are in the evidence, "high" and "purple" are not.
  EXPECT_EQ(Support("Mount Elbert, high and purple.", kFirst, kQuestion), 0.5);
}

TEST(GroundingTest, WordsStandInTheOrderOfTheEvidence) {
  constexpr const char* kEvidence = "Ivens became editor after Witherow had been editor.";
  EXPECT_EQ(Support("Ivens became editor after Witherow.", kEvidence, kQuestion), 1);
  EXPECT_LT(Support("Witherow became editor after Ivens.", kEvidence, kQuestion), kLeastSupport);
}

TEST(GroundingTest, WhatIsAskedAboutMayBeAPronounInTheEvidence) {
  constexpr const char* kIt = "It was named after a governor.";
  EXPECT_EQ(Support("Mount Elbert was named after a governor.", kIt, kQuestion), 1);
  EXPECT_LT(Support("A governor was named after Mount Elbert.", kIt, kQuestion), kLeastSupport);
  EXPECT_LT(Support("Mount Elbert was named after a governor.",
                    "Pikes Peak was named after a governor.", kQuestion),
            kLeastSupport);
}

TEST(GroundingTest, WhatIsSaidToBeSomethingIsSoInTheEvidence) {
  constexpr const char* kEvidence = "The wall changes, which leads to stiffness that is dangerous.";
  EXPECT_EQ(Support("The stiffness is dangerous.", kEvidence, kQuestion), 1);
  EXPECT_EQ(Support("The wall is stiffness.", kEvidence, kQuestion), 0);
  EXPECT_EQ(Support("The wall stiffness.", kEvidence, kQuestion), 1);
}

TEST(GroundingTest, ANegationIsInBothOrInNone) {
  EXPECT_EQ(Support("Mount Elbert never rises.", kFirst, kQuestion), 0);
  EXPECT_EQ(Support("Mount Elbert rises.", "Mount Elbert doesn't rise.", kQuestion), 0);
  EXPECT_GT(Support("Mount Elbert didn’t rise.", "Mount Elbert did not rise.", kQuestion), 0.7);
}

TEST(GroundingTest, ANumberThatIsNowhereMakesTheSupportZero) {
  EXPECT_EQ(Support("It rises to an elevation of 4,410 metres.", kFirst, kQuestion), 0);
}

TEST(GroundingTest, ANameThatIsNowhereMakesTheSupportZero) {
  constexpr const char* kEvidence = "Its summit was climbed first by two careful surveyors, Denver.";
  EXPECT_GT(Support("Its summit was climbed first by two careful surveyors, town.", kEvidence,
                    kQuestion),
            0.8);
  EXPECT_EQ(Support("Its summit was climbed first by two careful surveyors, Boston.", kEvidence,
                    kQuestion),
            0);
  EXPECT_GT(Support("Mount Elbert was climbed first by surveyors.", kEvidence, kQuestion), 0)
      << "a name may come from the question";
}

TEST(GroundingTest, ANumberIsTheSameWithAndWithoutItsCommas) {
  EXPECT_EQ(Support("It rises to 4401 metres.", kFirst, kQuestion), 1);
}

TEST(GroundingTest, AStatementWithoutWordsIsNotSupported) {
  EXPECT_EQ(Support("... !", kFirst, kQuestion), 0);
  EXPECT_EQ(Support("It is.", kFirst, kQuestion), 0);
  EXPECT_EQ(Support("", kFirst, kQuestion), 0);
}

TEST(GroundingTest, EachStatementNamesTheSentenceThatSupportsIt) {
  const auto grounded =
      Ground("It rises to 4,401 metres. It is named after a governor of Colorado.", TwoSentences(),
             kQuestion);
  ASSERT_EQ(grounded.size(), 2u);
  EXPECT_EQ(grounded[0].evidence, 0u);
  EXPECT_EQ(grounded[1].evidence, 1u);
}

TEST(GroundingTest, TheAnswerEndsBeforeTheFirstUnsupportedStatement) {
  const auto grounded =
      Ground("It rises to 4,401 metres. Tourists love penguins. It rises to 4,401 metres.",
             TwoSentences(), kQuestion);
  ASSERT_EQ(grounded.size(), 1u);
  EXPECT_EQ(grounded[0].text, "It rises to 4,401 metres.");
}

TEST(GroundingTest, ARepeatedStatementIsSaidOnce) {
  EXPECT_EQ(Ground("It rises to 4,401 metres. It rises to 4,401 metres.", TwoSentences(), kQuestion)
                .size(),
            1u);
}

TEST(GroundingTest, AStatementThatGoesInCirclesIsNotSaid) {
  EXPECT_TRUE(Ground("The elevation of the metres of the elevation of the metres of Elbert.",
                     TwoSentences(), kQuestion)
                  .empty());
}

TEST(GroundingTest, ATautologyIsNotSaid) {
  for (const char* answer :
       {"The elevation was the elevation of Elbert.", "Elbert is Mount Elbert.",
        "The mount of 4,401 metres was 4,401 metres."})
    EXPECT_TRUE(Ground(answer, TwoSentences(), kQuestion).empty()) << answer;
  EXPECT_EQ(Ground("The mount was named after Samuel Elbert.", TwoSentences(), kQuestion).size(), 1u);
}

TEST(GroundingTest, FactsOfTwoSentencesAreNotMixedIntoOne) {
  EXPECT_TRUE(Ground("Governor Samuel rises to an elevation of 4,401 metres in Colorado.",
                     TwoSentences(), kQuestion)
                  .empty());
}

TEST(GroundingTest, OfEqualSupportersTheHeavierIsNamed) {
  const std::vector<EvidenceSentence> twice = {{0, {0, 51}, kFirst, 0.2f},
                                               {1, {0, 51}, kFirst, 0.5f}};
  const auto grounded = Ground("It rises to 4,401 metres.", twice, kQuestion);
  ASSERT_EQ(grounded.size(), 1u);
  EXPECT_EQ(grounded[0].evidence, 1u);
}

TEST(GroundingTest, OfSupportersTheOneThatIsAttendedToIsNamed) {
  const std::vector<EvidenceSentence> both = {
      {0, {0, 60}, "Elbert rises to an elevation of 4,401 metres, all in all.", 0.1f},
      {1, {0, 30}, "An elevation of 4,401 metres.", 0.7f}};
  const auto shorter = Ground("The elevation of 4,401 metres.", both, kQuestion);
  ASSERT_EQ(shorter.size(), 1u);
  EXPECT_EQ(shorter[0].evidence, 1u);
}

TEST(GroundingTest, NoEvidenceSupportsNothing) {
  EXPECT_TRUE(Ground("It rises.", {}, kQuestion).empty());
}

Passage PassageOf(const std::string& title, const std::string& heading, const std::string& text) {
  Passage passage;
  passage.title = title;
  passage.heading = heading;
  passage.text = text;
  return passage;
}

TEST(GroundingTest, APassageIsAboutAQuestionWithWhichItSharesAWord) {
  const Passage passage = PassageOf("Bees", "Hives > Honey", "A colony makes carrageenan in 1871.");
  for (const char* question :
       {"What do bees eat?", "Who sells honey?", "Where is the colony?", "What are colonies?",
        "What is carageenan?", "What happened in 1871?", "Who was it?", "How much is it?", "?"}) {
    EXPECT_TRUE(IsAbout(question, passage)) << question;
  }
  for (const char* question : {"How deep is the well?", "What happened in 1872?",
                               "Who sells money?", "What is a beet?", "Who is carl?"}) {
    EXPECT_FALSE(IsAbout(question, passage)) << question;
  }
}

TEST(GroundingTest, ASentenceRepeatsAQuestionThatItAsksInItsWords) {
  EXPECT_TRUE(Repeats("Q: How high is it?", "how high is it"));
  EXPECT_TRUE(Repeats("How high is it? It is 9 m", "How high is it?"));
  EXPECT_FALSE(Repeats("How high is it", "How high is it?"));
  EXPECT_FALSE(Repeats("How very high is it?", "How high is it?"));
  EXPECT_FALSE(Repeats("High?", "How high is it?"));
  EXPECT_FALSE(Repeats("What?", "?"));
}

TEST(GroundingTest, ATextIsCutAroundThePartThatMatters) {
  const std::string text = "one two three  four five six seven eight nine ten";
  EXPECT_EQ(CutWords(text, 4, "six"), "… five six seven eight …");
  EXPECT_EQ(CutWords(text, 4, "ten"), "… seven eight nine ten");
  EXPECT_EQ(CutWords(text, 4, "one"), "one two three four …");
  EXPECT_EQ(CutWords(text, 4, "five six seven eight nine"), "… five six seven eight …");
  EXPECT_EQ(CutWords(text, 4, "eleven"), "one two three four …");
  EXPECT_EQ(CutWords(text, 10, "six"), "one two three four five six seven eight nine ten");
}

TEST(GroundingTest, WordsAreCountedAndCutAtSpaces) {
  EXPECT_EQ(CollapseSpace("  a\n\tb  c "), "a b c");
  EXPECT_EQ(CountWords(" a\n b  c "), 3);
  EXPECT_EQ(CountWords(" \n "), 0);
  EXPECT_EQ(CutWords("a b  c d", 3), "a b c …");
  EXPECT_EQ(CutWords("a b", 3), "a b");
}

}  // namespace
}  // namespace fovea
