#include "tools/transcript.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/base/file.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_folder.h"

namespace fovea::tools {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

ConversationAnswer Example(const std::string& question, const std::string& context = "") {
  ConversationAnswer example;
  Answer& answer = example.answer;
  answer.question = question;
  answer.text = "It was lit in 1821 — by Ada “Fenn”.";
  answer.source = AnswerSource::kQuoted;
  answer.citations.push_back({"docs/lamp.md", "The lamp", {40, 71}, "It was lit in\n1821", 0.5f});
  answer.passages.resize(1);
  answer.passages[0].passage.text = "a passage";
  example.query.text = question;
  if (!context.empty()) example.query.context.push_back({0, context, 0.75f});
  return example;
}

TEST(Transcript, IsTakenUpAsItWasWritten) {
  const TempFolder folder;
  const auto file = folder.path() / "t.jsonl";
  {
    const TranscriptLog log(file);
    EXPECT_THAT(log.found.turns, IsEmpty());
    log.Append(TranscriptLine(Example("When was it lit?")));
    log.Append(TranscriptLine(Example("By whom?", "When was it lit?")));
  }
  const TranscriptLog log(file);
  EXPECT_FALSE(log.found.cut_off);
  ASSERT_THAT(log.found.turns, SizeIs(2));
  const ConversationTurn& turn = log.found.turns[1];
  EXPECT_EQ(turn.question, "By whom?");
  EXPECT_THAT(turn.context, ElementsAre("When was it lit?"));
  EXPECT_EQ(turn.answer, "It was lit in 1821 — by Ada “Fenn”.");
  EXPECT_FALSE(turn.abstained);
  ASSERT_THAT(turn.citations, SizeIs(1));
  EXPECT_EQ(turn.citations[0].document, "docs/lamp.md");
  EXPECT_EQ(turn.citations[0].range, (ByteRange{40, 71}));
  EXPECT_EQ(turn.citations[0].text, "It was lit in\n1821");
  EXPECT_EQ(turn.citations[0].weight, 0.5f);
  EXPECT_THAT(ReadFile(file), Not(HasSubstr("a passage"))) << "passages are in the index";
  // What /save writes of it is the same conversation again.
  const auto saved = folder.Write("saved.jsonl", TranscriptHeader() + log.found.lines);
  EXPECT_THAT(ReadTranscript(saved).turns, SizeIs(2));
}

TEST(Transcript, AConversationEndsAtAReset) {
  const TempFolder folder;
  const TranscriptLog log(folder.path() / "t.jsonl");
  log.Append(TranscriptLine(Example("One?")) + TranscriptReset() + TranscriptLine(Example("Two?")));
  const Transcript found = ReadTranscript(folder.path() / "t.jsonl");
  ASSERT_THAT(found.turns, SizeIs(1));
  EXPECT_EQ(found.turns[0].question, "Two?");
  EXPECT_THAT(found.lines, Not(HasSubstr("One?")));
}

TEST(Transcript, ALineThatWasCutOffAnywhereIsLeftOutAndWrittenOver) {
  const TempFolder folder;
  const std::string whole = TranscriptHeader() + TranscriptLine(Example("One?"));
  const std::string second = TranscriptLine(Example("Two?"));
  for (const std::size_t kept : {std::size_t{1}, second.size() / 2, second.size() - 1}) {
    const auto file = folder.Write("t.jsonl", whole + second.substr(0, kept));
    const TranscriptLog log(file);
    EXPECT_TRUE(log.found.cut_off);
    EXPECT_THAT(log.found.turns, SizeIs(1));
    EXPECT_EQ(ReadFile(file), whole);
    log.Append(second);
    EXPECT_THAT(ReadTranscript(file).turns, SizeIs(2));
  }
}

TEST(Transcript, LeavesAFileOfAnotherKindAsItIs) {
  const TempFolder folder;
  for (const std::string text : {"my notes", "my notes\n", "{\"question\":\"q\"}\n", "{\"a\":1}",
                                 "{\"fovea_transcript\":2}\n", "{\"fovea_transcript\":\"1\"}\n"}) {
    const auto file = folder.Write("notes.txt", text);
    EXPECT_ERROR(TranscriptLog{file}, ErrorCode::kInvalidArgument, "notes.txt");
    EXPECT_EQ(ReadFile(file), text);
  }
  EXPECT_ERROR(TranscriptLog{folder.path() / "no/such/folder"}, ErrorCode::kIo, "no/such/folder");
}

TEST(Transcript, NamesTheLineAndWhatIsWrongInIt) {
  const TempFolder folder;
  const auto rejected = [&](const std::string& line, const char* what) {
    const auto file = folder.Write("t.jsonl", TranscriptHeader() + line + "\n");
    EXPECT_ERROR(ReadTranscript(file), ErrorCode::kInvalidArgument, what);
    EXPECT_ERROR(ReadTranscript(file), ErrorCode::kInvalidArgument, "t.jsonl:2");
  };
  const auto changed = [](const char* key, const nlohmann::json& value) {
    nlohmann::json turn = nlohmann::json::parse(TranscriptLine(Example("One?")));
    turn[key] = value;
    return turn.dump();
  };
  rejected("[1]", "not a JSON object");
  rejected(changed("question", 1), "question");
  rejected(changed("answer", nullptr), "answer");
  rejected(changed("abstained", "no"), "abstained");
  rejected(changed("citations", "none"), "citations");
  rejected(changed("citations", {{{"document", "d"}}}), "title");
  rejected(changed("search", 3), "context");
  rejected(changed("search", {{"context", {{{"text", 5}}}}}), "text");
}

}  // namespace
}  // namespace fovea::tools
