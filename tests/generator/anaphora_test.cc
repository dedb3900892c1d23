#include "generator/anaphora.h"

#include <gtest/gtest.h>

namespace fovea {
namespace {

TEST(Anaphora, PronounsConjunctionsAndStopWordsAlonePointBack) {
  for (const char* question :
       {"Does it work over a network share?", "Which of THEM is the oldest library?",
        "and when was the first stable version released?", "But which pages hold the free list?",
        "What about tables without an explicit key?", "how about very large blob values?", "Why?",
        "How so?", "Can older programs open those files?",
        "Which one should a small program use?"}) {
    EXPECT_TRUE(LooksAnaphoric(question)) << question;
  }
}

TEST(Anaphora, AQuestionThatNamesItsSubjectDoesNot) {
  for (const char* question :
       {"How many tables may a join combine?", "Which release brought window functions?",
        "What does VACUUM do?", "Since which version?", "Which items does a unit test itemise?",
        "Is the sandy island near the harbour?", "Wie groß ist die größte Datei?", "", "?!"}) {
    EXPECT_FALSE(LooksAnaphoric(question)) << question;
  }
}

}  // namespace
}  // namespace fovea
