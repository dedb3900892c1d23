#include "tools/altered_question.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tools/near_words.h"

namespace fovea::tools {
namespace {

using ::testing::Contains;
using ::testing::Each;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

// All that come out of a question.
std::set<std::string> Altered(const std::string& question, const std::string& context,
                              const NearWords& near = NearWords({})) {
  std::mt19937_64 random(1);
  std::set<std::string> altered;
  for (int i = 0; i < 300; ++i) {
    if (const auto one = AlterQuestion(question, context, near, random)) altered.insert(*one);
  }
  return altered;
}

constexpr const char* kContext =
    "The lamp at Port Anna burns whale oil. In 1821 Ada Fenn lit it; later Tom rowed over.";

TEST(AlterQuestion, PutsAnotherNameOfThePassageInItsPlace) {
  EXPECT_THAT(Altered("What burns at Port Anna?", kContext),
              IsSupersetOf({"What burns at Ada Fenn?", "What burns at Tom?"}));
}

TEST(AlterQuestion, KeepsToLowerCaseWhereTheQuestionDoes) {
  EXPECT_THAT(Altered("what burns at port anna", kContext),
              IsSupersetOf({"what burns at ada fenn", "what burns at tom"}));
}

TEST(AlterQuestion, PutsAnotherNounOfThePassageInItsPlace) {
  constexpr const char* kPassage =
      "The keeper of the lamp had two boats for the oils of the whale.";
  EXPECT_THAT(Altered("Who painted the door?", kPassage),
              UnorderedElementsAre("Who painted the keeper?", "Who painted the lamp?",
                                   "Who painted the whale?"));
  // A plural for a plural; "whale" is in the question already.
  EXPECT_THAT(Altered("Who paid the whale in nuts?", kPassage),
              UnorderedElementsAre("Who paid the keeper in nuts?", "Who paid the lamp in nuts?",
                                   "Who paid the whale in oils?"));
}

TEST(AlterQuestion, PutsAWordOfANameInTheOthersPlace) {
  EXPECT_THAT(Altered("What burns at Port Anna?", kContext),
              IsSupersetOf({"What burns at Ada Anna?", "What burns at Port Tom?"}));
}

TEST(AlterQuestion, TakesNoWordForANameThatHasItsCapitalFromTheSentence) {
  EXPECT_THAT(Altered("Who saw lamps?", "Lamps burn. He met Tom and Anna."), IsEmpty());
  EXPECT_THAT(Altered("Who saw the oil?", "Oil burns. He saw Tom."), IsEmpty());
}

TEST(AlterQuestion, FindsWholeWordsAlone) {
  EXPECT_THAT(Altered("What do tomatoes burn?", kContext), IsEmpty());
}

TEST(AlterQuestion, ChangesANumberToOneOfItsLength) {
  const std::set<std::string> altered = Altered("Who lit it in 1821?", "");
  EXPECT_EQ(altered.size(), 9u);
  EXPECT_THAT(altered, Contains("Who lit it in 1829?"));
  EXPECT_THAT(altered, Not(Contains("Who lit it in 1821?")));
  EXPECT_THAT(altered, Each(testing::MatchesRegex("Who lit it in 182[0-9][?]")));
}

TEST(AlterQuestion, ChangesANumberInWords) {
  const std::set<std::string> altered = Altered("What burns in two lamps?", "");
  EXPECT_EQ(altered.size(), 9u);
  EXPECT_THAT(altered, IsSupersetOf({"What burns in three lamps?", "What burns in ten lamps?"}));
  EXPECT_THAT(Altered("Who was the second?", ""), Contains("Who was the fifth?"));
}

TEST(AlterQuestion, LetsTwoThatThePassageHoldsChangePlaces) {
  constexpr const char* kPassage = "He rowed Ada Fenn to the lamp; Tom rowed over the bay.";
  EXPECT_THAT(Altered("Why did Ada Fenn see Tom?", kPassage),
              Contains("Why did Tom see Ada Fenn?"));
  EXPECT_THAT(Altered("Why is the lamp near the bay?", kPassage),
              Contains("Why is the bay near the lamp?"));
  for (const char* joined : {"Why did Ada Fenn and Tom row?", "Why the lamp or the bay?"}) {
    EXPECT_THAT(
        Altered(joined, kPassage),
        Each(Not(testing::AnyOf("Why did Tom and Ada Fenn row?", "Why the bay or the lamp?"))));
  }
}

TEST(AlterQuestion, TurnsWordsToTheirOppositeBothWays) {
  EXPECT_THAT(Altered("Who came most?", ""), UnorderedElementsAre("Who came least?"));
  EXPECT_THAT(Altered("Who came first?", ""), Contains("Who came last?"));
  EXPECT_THAT(Altered("Who sits above?", ""), UnorderedElementsAre("Who sits below?"));
  EXPECT_THAT(Altered("Who sits below?", ""), UnorderedElementsAre("Who sits above?"));
}

TEST(AlterQuestion, PutsANearWordInThePlaceOfOneThatThePassageHolds) {
  const NearWords near(
      {{"burns", {"smokes", "lights"}}, {"whale", {"shark"}}, {"tides", {"waves"}}});
  constexpr const char* kPassage = "It burns oil and lights up.";
  EXPECT_THAT(Altered("What burns?", kPassage, near), UnorderedElementsAre("What smokes?"));
  EXPECT_THAT(Altered("BURNS what?", kPassage, near), UnorderedElementsAre("Smokes what?"));
  // Neither the question's own words nor one that the passage does not hold.
  EXPECT_THAT(Altered("What burns and smokes?", kPassage, near), IsEmpty());
  EXPECT_THAT(Altered("What tides?", kPassage, near), IsEmpty());
}

TEST(AlterQuestion, NegatesAStatementOnce) {
  EXPECT_THAT(Altered("What was seen?", ""), UnorderedElementsAre("What was not seen?"));
  EXPECT_THAT(Altered("Was it seen?", ""), IsEmpty());
  EXPECT_THAT(Altered("What was never seen?", ""), IsEmpty());
}

TEST(AlterQuestion, GivesNothingWhereNothingCanChange) {
  EXPECT_THAT(Altered("Why?", kContext), IsEmpty());
  EXPECT_THAT(Altered("", kContext), IsEmpty());
}

}  // namespace
}  // namespace fovea::tools
