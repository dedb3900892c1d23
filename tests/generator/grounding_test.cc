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

bool SaysSo(std::string_view evidence, std::string_view statement) {
  return BearsOut(evidence, statement, kQuestion);
}

TEST(BearsOutTest, AllWordsStandInTheEvidence) {
  EXPECT_TRUE(SaysSo(kFirst, "It has an elevation of 4,401 metres."));
  EXPECT_TRUE(SaysSo(kFirst, "Mount Elbert rises to an elevation."));
  EXPECT_FALSE(SaysSo(kFirst, "It is full of bananas."));
  EXPECT_FALSE(SaysSo(kFirst, "Mount Elbert rises to a high elevation."))
      << "words of the question count as well";
  EXPECT_FALSE(SaysSo(kFirst, "It rises to an elevation of 4,410 metres."));
  EXPECT_FALSE(SaysSo(kFirst, "Mount Boston rises."));
}

TEST(BearsOutTest, WordsStandInTheOrderOfTheEvidence) {
  constexpr const char* kEvidence = "Ivens became editor after Witherow had been editor.";
  EXPECT_TRUE(SaysSo(kEvidence, "Ivens became editor after Witherow."));
  EXPECT_FALSE(SaysSo(kEvidence, "Witherow became editor after Ivens."));
  EXPECT_FALSE(SaysSo(kEvidence, "Ivens became editor, editor."));
}

TEST(BearsOutTest, OnlyWhatStandsBetweenMarksIsJumpedOver) {
  constexpr const char* kEvidence =
      "The robot, a gift of 1,900 pupils, also sleeps (at night) in the old factory and the barn.";
  EXPECT_TRUE(SaysSo(kEvidence, "The robot sleeps in the old factory."));
  EXPECT_TRUE(SaysSo(kEvidence, "The robot, a gift of 1,900 pupils, sleeps."));
  EXPECT_TRUE(SaysSo(kEvidence, "The old factory")) << "a phrase";
  EXPECT_FALSE(SaysSo(kEvidence, "The robot sleeps in the barn."));
  EXPECT_FALSE(SaysSo(kEvidence, "The robot sleeps in the factory."));
  EXPECT_FALSE(SaysSo(kEvidence, "The robot pupils."));
}

TEST(BearsOutTest, ALongSentenceIsNoTrouble) {
  std::string evidence = "The robot";
  for (int i = 0; i < 50'000; ++i) evidence += ", robot sleeps";
  EXPECT_TRUE(SaysSo(evidence, "The robot sleeps, robot sleeps."));
  EXPECT_FALSE(SaysSo(evidence, "The robot sleeps, robot wakes."));
}

TEST(BearsOutTest, AStatementBeginsWithAClause) {
  constexpr const char* kEvidence =
      "Ivens, head of the old paper, found that salt was dear, and sold it to Stern in 1990.";
  EXPECT_TRUE(SaysSo(kEvidence, "Salt was dear."));
  EXPECT_TRUE(SaysSo(kEvidence, "Ivens found that salt was dear."));
  EXPECT_FALSE(SaysSo(kEvidence, "The old paper found that salt was dear."));
  EXPECT_FALSE(SaysSo("The king of Bonn was rich.", "Bonn was rich."));
}

TEST(BearsOutTest, ANumberIsTheSameWithAndWithoutItsCommas) {
  EXPECT_TRUE(SaysSo(kFirst, "An elevation of 4401 metres."));
}

TEST(BearsOutTest, AStatementWithoutWordsIsNotBorneOut) {
  for (const char* statement : {"... !", "It is.", ""}) {
    EXPECT_FALSE(SaysSo(kFirst, statement)) << statement;
    EXPECT_FALSE(SaysSo("It is.", statement)) << statement;
  }
  EXPECT_FALSE(SaysSo("", "It rises."));
}

TEST(BearsOutTest, WhatIsAskedAboutMayBeAPronounInTheEvidence) {
  constexpr const char* kIt = "It was named after a governor.";
  EXPECT_TRUE(SaysSo(kIt, "Mount Elbert was named after a governor."));
  EXPECT_FALSE(SaysSo(kIt, "A governor was named after Mount Elbert."));
  EXPECT_FALSE(
      SaysSo("Pikes Peak was named after a governor.", "Mount Elbert was named after a governor."));
}

TEST(BearsOutTest, WhatIsSaidToBeSomethingIsSoInTheEvidence) {
  constexpr const char* kEvidence =
      "The wall changes, and stiffness is dangerous, which leads to loss.";
  EXPECT_TRUE(SaysSo(kEvidence, "The stiffness is dangerous."));
  EXPECT_FALSE(SaysSo(kEvidence, "The change is stiffness."));
  EXPECT_FALSE(SaysSo("It is rare in Rome and is usual in Bonn.", "It is rare in Rome and Bonn."));
}

TEST(BearsOutTest, ANegationIsInBothOrInNone) {
  EXPECT_FALSE(SaysSo(kFirst, "Mount Elbert never rises."));
  EXPECT_FALSE(SaysSo("Mount Elbert doesn't rise.", "Mount Elbert."));
  EXPECT_FALSE(SaysSo("Nobody says that Mount Elbert rises.", "Mount Elbert rises."));
  EXPECT_TRUE(SaysSo("Mount Elbert did not rise.", "Elbert did not rise."));
}

TEST(BearsOutTest, ANameWithAnUnderscoreIsTakenWhole) {
  constexpr std::string_view kPragma = "The foreign_key_check pragma checks the database.";
  EXPECT_TRUE(SaysSo(kPragma, "The foreign_key_check pragma checks the database."));
  EXPECT_FALSE(SaysSo(kPragma, "The foreign_key_list pragma checks the database."));
  EXPECT_FALSE(SaysSo(kPragma, "The foreign_key_check_check_constraint pragma checks it."));
}

TEST(BearsOutTest, ANameWithAnInnerCapitalIsTakenWhole) {
  constexpr std::string_view kCall = "Calling getElementById returns the first match.";
  EXPECT_TRUE(SaysSo(kCall, "Calling getElementById returns the first match."));
  EXPECT_FALSE(SaysSo(kCall, "Calling getElementsByTagName returns the first match."));
  EXPECT_FALSE(SaysSo(kCall, "Calling getElem returns the first match."));
}

TEST(BearsOutTest, AWordKeepsTheMarkThatBelongsToIt) {
  constexpr std::string_view kShell = "Use .import --all to load it, or -1 for zero.";
  EXPECT_TRUE(SaysSo(kShell, "Use .import --all to load it."));
  EXPECT_FALSE(SaysSo(kShell, "Use import --all to load it."));
  EXPECT_FALSE(SaysSo(kShell, "Use .import all to load it."));
  EXPECT_FALSE(SaysSo(kShell, "Use .import --all to load it, or 1 for zero."));
}

TEST(GroundingTest, EachStatementNamesTheSentenceThatBearsItOut) {
  const auto grounded = Ground("It rises to an elevation of 4,401 metres. A governor of Colorado.",
                               TwoSentences(), kQuestion);
  ASSERT_EQ(grounded.size(), 2u);
  EXPECT_EQ(grounded[0].evidence, 0u);
  EXPECT_EQ(grounded[1].evidence, 1u);
}

TEST(GroundingTest, TheAnswerEndsBeforeTheFirstStatementThatIsNotBorneOut) {
  const auto grounded = Ground("An elevation of 4,401 metres. Tourists love penguins. It rises.",
                               TwoSentences(), kQuestion);
  ASSERT_EQ(grounded.size(), 1u);
  EXPECT_EQ(grounded[0].text, "An elevation of 4,401 metres.");
}

TEST(GroundingTest, ARepeatedStatementIsSaidOnce) {
  EXPECT_EQ(Ground("An elevation of 4,401 metres. An elevation of 4,401 metres.", TwoSentences(),
                   kQuestion)
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
  EXPECT_EQ(Ground("The mount was named after Samuel Elbert.", TwoSentences(), kQuestion).size(),
            1u);
}

TEST(GroundingTest, FactsOfTwoSentencesAreNotMixedIntoOne) {
  EXPECT_TRUE(Ground("Governor Samuel rises to an elevation of 4,401 metres in Colorado.",
                     TwoSentences(), kQuestion)
                  .empty());
}

TEST(GroundingTest, OfEqualSupportersTheHeavierIsNamed) {
  const std::vector<EvidenceSentence> twice = {{0, {0, 51}, kFirst, 0.2f},
                                               {1, {0, 51}, kFirst, 0.5f}};
  const auto grounded = Ground("An elevation of 4,401 metres.", twice, kQuestion);
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

TEST(GroundingTest, NoEvidenceBearsNothingOut) {
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
