// The conversations on the SQLite documentation (corpora/README.md).

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "tools/question_set.h"

namespace fovea::tools {
namespace {

using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

TEST(SqliteConversations, AreTwentyToTestOnAndTenToTuneOnOfTwoTurnsEach) {
  std::map<std::string, int> splits;
  std::set<std::string> ids, questions;
  for (const PageConversation& conversation :
       ReadPageConversations(FOVEA_SOURCE_DIR "/corpora/sqlite/conversations.jsonl")) {
    ++splits[conversation.split];
    ids.insert(conversation.id);
    ASSERT_THAT(conversation.turns, SizeIs(2)) << conversation.id;
    for (const PageQuestion& turn : conversation.turns) {
      EXPECT_THAT(turn.documents, Not(IsEmpty())) << turn.question;
      questions.insert(turn.question);
    }
    EXPECT_THAT(conversation.turns[1].answers, Not(IsEmpty())) << conversation.id;
  }
  EXPECT_EQ(splits, (std::map<std::string, int>{{"test", 20}, {"tune", 10}}));
  EXPECT_EQ(ids.size(), 30u);
  EXPECT_EQ(questions.size(), 60u) << "each is asked once";
}

}  // namespace
}  // namespace fovea::tools
