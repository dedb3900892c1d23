// The files that evaluations read: BEIR judgements, question sets, JSON lines.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/expect_error.h"
#include "tests/support/temp_folder.h"
#include "tools/beir.h"
#include "tools/json_lines.h"
#include "tools/question_set.h"
#include "tools/text_lines.h"

namespace fovea::tools {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

TEST(Qrels, AreReadWithAndWithoutAHeader) {
  const auto with = ParseQrels("query-id\tcorpus-id\tscore\n1\ta b\t2\r\n1\tc\t0\n\n2\ta\t1", "f");
  EXPECT_THAT(with, ElementsAre(Pair("1", ElementsAre(Pair("a b", 2), Pair("c", 0))),
                                Pair("2", ElementsAre(Pair("a", 1)))));
  EXPECT_THAT(ParseQrels("1\ta\t1\n", "f"), ElementsAre(Pair("1", ElementsAre(Pair("a", 1)))));
}

TEST(Qrels, NameTheLineThatIsWrong) {
  EXPECT_ERROR(ParseQrels("1\ta\t1\n1 a 1\n", "test.tsv"), ErrorCode::kInvalidArgument,
               "test.tsv:2");
  EXPECT_ERROR(ParseQrels("1\ta\t1\n1\ta\tx\n", "test.tsv"), ErrorCode::kInvalidArgument,
               "test.tsv:2");
}

TEST(JudgedQueries, LeaveOutQueriesWithoutJudgements) {
  const TempFolder folder;
  folder.Write("queries.jsonl",
               "{\"_id\":\"1\",\"text\":\"one\"}\n{\"_id\":\"2\",\"text\":\"two\"}\n");
  folder.Write("qrels/test.tsv", "query-id\tcorpus-id\tscore\n2\td\t1\n9\td\t1\n");
  const auto queries = ReadJudgedQueries(folder.path());
  ASSERT_EQ(queries.size(), 1u);
  EXPECT_EQ(queries[0].text, "two");
  EXPECT_ERROR(ReadJudgedQueries(folder.path() / "none"), ErrorCode::kNotFound, "test.tsv");
}

TEST(JsonLines, NameTheLineThatIsWrong) {
  const TempFolder folder;
  const std::string file = folder.Write("f.jsonl", "{\"a\":\"x\"}\n\n[1]\n").string();
  EXPECT_ERROR(ReadJsonLines(file), ErrorCode::kInvalidArgument, "f.jsonl:3");
  std::size_t bad = 1;
  EXPECT_EQ(ReadJsonLines(file, &bad).size(), 1u);
  EXPECT_EQ(bad, 2u);
  const std::string good = folder.Write("g.jsonl", "\n{\"a\":\"x\",\"n\":1}").string();
  const auto lines = ReadJsonLines(good);
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0].Text("a"), "x");
  EXPECT_ERROR(lines[0].Text("n"), ErrorCode::kInvalidArgument, "g.jsonl:2");
  EXPECT_ERROR(lines[0].Text("b"), ErrorCode::kInvalidArgument, "\"b\"");
}

TEST(QuestionSet, ReadsAnswersAsTextOrListAndQuestionsWithoutAPage) {
  const TempFolder folder;
  const auto file = folder.Write(
      "q.jsonl",
      "{\"id\":\"1\",\"question\":\"q\",\"document\":\"a.html\",\"answer\":[\"x\",\"y\"]}\n"
      "{\"question\":\"r\",\"document\":null,\"answer\":null,\"answerable\":false}\n"
      "{\"question\":\"s\",\"document\":\"b\",\"answer\":\"z\"}\n");
  const auto questions = ReadPageQuestions(file);
  ASSERT_EQ(questions.size(), 3u);
  EXPECT_THAT(questions[0].answers, ElementsAre("x", "y"));
  EXPECT_THAT(questions[1].documents, testing::IsEmpty());
  EXPECT_FALSE(questions[1].answerable);
  EXPECT_THAT(questions[2].answers, ElementsAre("z"));
}

TEST(QuestionSet, APageThatSaysTheSameIsRightAsWell) {
  const TempFolder folder;
  const auto questions = ReadPageQuestions(folder.Write(
      "q.jsonl",
      "{\"question\":\"q\",\"document\":\"a.html\",\"also\":[\"b.html\",\"c.html\"]}\n"));
  ASSERT_EQ(questions.size(), 1u);
  EXPECT_THAT(questions[0].documents, ElementsAre("a.html", "b.html", "c.html"));
  const std::vector<std::string> pages = {"x/ab.html", "x/c.html", "x/a.html"};
  EXPECT_EQ(RankOfPage(pages, questions[0].documents), std::size_t{2});
  EXPECT_EQ(RankOfPage(pages, std::vector<std::string>{"b.html"}), std::nullopt);
}

TEST(QuestionSet, AConversationHasTurnsAndALineWithoutThemIsOneOfOneTurn) {
  const TempFolder folder;
  const auto conversations = ReadPageConversations(folder.Write(
      "c.jsonl",
      "{\"id\":\"1\",\"split\":\"tune\",\"turns\":[{\"question\":\"q\",\"document\":\"a\"},"
      "{\"question\":\"r\",\"document\":\"b\",\"also\":[\"c\"],\"answer\":\"x\"}]}\n"
      "{\"id\":\"2\",\"question\":\"s\",\"document\":\"d\"}\n"));
  ASSERT_EQ(conversations.size(), 2u);
  EXPECT_EQ(conversations[0].split, "tune");
  ASSERT_EQ(conversations[0].turns.size(), 2u);
  EXPECT_THAT(conversations[0].turns[1].documents, ElementsAre("b", "c"));
  EXPECT_THAT(conversations[0].turns[1].answers, ElementsAre("x"));
  EXPECT_EQ(conversations[1].id, "2");
  ASSERT_EQ(conversations[1].turns.size(), 1u);
  EXPECT_EQ(conversations[1].turns[0].question, "s");
}

TEST(QuestionSet, NamesTheLineThatIsWrong) {
  const TempFolder folder;
  for (const char* turns : {"3", "[]", "[1]", "[{\"document\":\"a\"}]"}) {
    EXPECT_ERROR(
        ReadPageConversations(folder.Write("c", "{\"turns\":" + std::string(turns) + "}\n")),
        ErrorCode::kInvalidArgument, "c:1");
  }
  EXPECT_ERROR(ReadPageQuestions(folder.Write("a", "{\"question\":\"q\",\"answer\":3}\n")),
               ErrorCode::kInvalidArgument, "a:1");
  EXPECT_ERROR(ReadPageQuestions(folder.Write("b", "{\"question\":\"q\",\"answerable\":1}\n")),
               ErrorCode::kInvalidArgument, "b:1");
}

TEST(EndsInPath, ComparesWholeComponents) {
  EXPECT_TRUE(EndsInPath("/usr/share/doc/a.html", "a.html"));
  EXPECT_TRUE(EndsInPath("a.html", "a.html"));
  EXPECT_TRUE(EndsInPath("x/c3ref/a.html", "c3ref/a.html"));
  EXPECT_FALSE(EndsInPath("/usr/share/doc/bla.html", "a.html"));
  EXPECT_FALSE(EndsInPath("a.html", "doc/a.html"));
}

TEST(SplitLines, NeedsNoLineFeedAtTheEndAndKeepsEmptyLines) {
  EXPECT_THAT(SplitLines("a\n\nb"), ElementsAre("a", "", "b"));
  EXPECT_THAT(SplitLines("a\nb\n"), ElementsAre("a", "b"));
  EXPECT_THAT(SplitLines("\n"), ElementsAre(""));
  EXPECT_THAT(SplitLines("a\r\n"), ElementsAre("a\r"));
  EXPECT_TRUE(SplitLines("").empty());
}

}  // namespace
}  // namespace fovea::tools
