// The built program's evaluations on files small enough to score by hand.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "lib/base/file.h"
#include "tests/tools/program_corpus.h"

namespace fovea {
namespace {

using ::testing::HasSubstr;

TEST_F(Corpus, EvalRetrievalScoresATinyFolderByHand) {
  folder_->Write("beir/corpus.jsonl",
                 "{\"_id\":\"a\",\"title\":\"Lamp\",\"text\":\"The lamp burns whale oil.\"}\n"
                 "{\"_id\":\"b\",\"title\":\"Ferry\",\"text\":\"The ferry leaves at seven.\"}\n"
                 "{\"_id\":\"c\",\"title\":\"Bees\",\"text\":\"Honeybees keep the nest warm.\"}\n");
  folder_->Write("beir/queries.jsonl",
                 "{\"_id\":\"1\",\"text\":\"whale oil lamp\"}\n{\"_id\":\"2\",\"text\":\"honeybees "
                 "nest\"}\n{\"_id\":\"3\",\"text\":\"unjudged\"}\n");
  folder_->Write("beir/qrels/test.tsv", "query-id\tcorpus-id\tscore\n1\ta\t1\n2\tc\t1\n2\tz\t1\n");
  const TempFolder temporary;
  ProgramRun run = Here();
  run.environment = {"TMPDIR=" + temporary.path().string()};
  const nlohmann::json json =
      Ok({"eval", "retrieval", "--beir", "beir", "--chunk-tokens", "0", "--json"}, run).Json();
  EXPECT_EQ(json["documents"], 3);
  EXPECT_EQ(json["queries"], 2);
  ASSERT_EQ(json["modes"].size(), 4u);
  for (const auto& [mode, scores] : json["modes"].items()) {
    SCOPED_TRACE(mode);
    // Both right documents come first; the second query has another one that is not there: ideal 1
    // + 1/log2(3).
    EXPECT_NEAR(scores["ndcg@10"], (1 + 1 / (1 + 1 / std::log2(3.0))) / 2, 1e-9);
    EXPECT_NEAR(scores["recall@1"], 0.75, 1e-9);
    EXPECT_NEAR(scores["recall@100"], 0.75, 1e-9);
    EXPECT_NEAR(scores["mrr@10"], 1, 1e-9);
  }
  EXPECT_TRUE(std::filesystem::is_empty(temporary.path())) << "the temporary index was left behind";
}

TEST_F(Corpus, EvalQaScoresItsPredictionsAsItWritesThem) {
  folder_->Write("squad.json", R"({"version": "v2.0", "data": [{"title": "Town", "paragraphs": [
    {"context": "The ferry leaves at seven in the morning.", "qas": [
      {"id": "q1", "question": "When does the ferry leave?", "answers": [{"text": "seven in the morning"}], "is_impossible": false}]},
    {"context": "The lamp burns whale oil.", "qas": [
      {"id": "q2", "question": "What does the lamp burn?", "answers": [{"text": "whale oil"}], "is_impossible": false}]}]}]})");
  for (const bool open : {false, true}) {
    Arguments arguments = {"eval",          "qa",     "--squad", "squad.json", "--abstain", "never",
                           "--predictions", "p.json", "--json",  "-k",         "2"};
    if (open) arguments.push_back("--open");
    const nlohmann::json json = Ok(arguments).Json();
    ExpectKeys(json, {"questions", "em", "f1", "has_answer_f1", "no_answer_accuracy", "contains",
                      "seconds_per_question"});
    EXPECT_EQ(json["questions"], 2);
    EXPECT_TRUE(json["no_answer_accuracy"].is_null());
    EXPECT_EQ(json["contains"], 1.0);
    EXPECT_EQ(json.contains("retrieved@2"), open);
    if (open) {
      EXPECT_EQ(json["retrieved@2"], 1.0);
    }
    const auto predictions = nlohmann::json::parse(ReadFile(folder_->path() / "p.json"));
    ASSERT_EQ(predictions.size(), 2u);
    EXPECT_THAT(predictions["q2"], HasSubstr("whale oil"));
  }
  const nlohmann::json limited =
      Ok({"eval", "qa", "--squad", "squad.json", "--limit", "1", "--abstain", "0", "--json"})
          .Json();
  EXPECT_EQ(limited["questions"], 1);
  EXPECT_EQ(limited["f1"], 0.0) << "an abstention counts as an empty answer";
}

TEST_F(Corpus, EvalQaWritesItsAnswersAsAskGivesThem) {
  folder_->Write("squad.json", R"({"version": "v2.0", "data": [{"title": "Town", "paragraphs": [
    {"context": "The ferry leaves at seven in the morning.", "qas": [
      {"id": "q1", "question": "When does the ferry leave?", "answers": [{"text": "seven in the morning"}], "is_impossible": false},
      {"id": "q2", "question": "Who is king of Sweden?", "answers": [], "is_impossible": true}]}]}]})");
  const auto answers = [&](const char* abstain) {
    Ok({"eval", "qa", "--squad", "squad.json", "--abstain", abstain, "--answers", "a.jsonl"});
    ProgramResult file;
    file.out = ReadFile(folder_->path() / "a.jsonl");
    return file.JsonLines();
  };
  const auto given = answers("never");
  ASSERT_EQ(given.size(), 2u);
  for (const nlohmann::json& answer : given) {
    ExpectKeys(answer, {"id", "gold", "question", "answer", "short_answer", "source", "abstained",
                        "citations", "passages", "timings"});
    EXPECT_FALSE(answer["abstained"].get<bool>());
  }
  EXPECT_EQ(given[0]["gold"], nlohmann::json({"seven in the morning"}));
  EXPECT_EQ(given[1]["gold"], nlohmann::json::array());
  EXPECT_EQ(given[0]["citations"][0]["document"], "Town#0");
  const nlohmann::json abstained = answers("0")[0];
  EXPECT_TRUE(abstained["abstained"].get<bool>());
  EXPECT_EQ(abstained["source"], "none");
  EXPECT_TRUE(abstained["short_answer"].is_null());
  EXPECT_TRUE(abstained["citations"].empty());
  EXPECT_THAT(abstained["answer"], HasSubstr("could not find"));
}

TEST_F(Corpus, EvalQaTellsAnswerableQuestionsFromOthers) {
  folder_->Write("squad2.json", R"({"version": "v2.0", "data": [{"title": "Town", "paragraphs": [
    {"context": "The ferry leaves at seven in the morning. It sails to Sund.", "qas": [
      {"id": "q1", "question": "When does the ferry leave?", "answers": [{"text": "seven in the morning"}], "is_impossible": false},
      {"id": "q2", "question": "Who was the king of Sweden in 1700?", "answers": [], "is_impossible": true}]},
    {"context": "The lamp burns whale oil. At seven in the morning it is put out.", "qas": []}]}]})");
  const Arguments arguments = {"eval", "qa", "--squad", "squad2.json", "--json"};
  const nlohmann::json json = Ok(arguments).Json();
  EXPECT_EQ(json["answerable_auc"], 1.0);
  ExpectKeys(json["at_f1_drop_0.05"], {"abstain", "has_answer_f1", "no_answer_accuracy"});
  EXPECT_EQ(json["at_f1_drop_0.05"]["no_answer_accuracy"], 1.0);
  // At that threshold the same comes out.
  Arguments at_threshold = arguments;
  at_threshold.insert(at_threshold.end(), {"--abstain", json["at_f1_drop_0.05"]["abstain"].dump()});
  EXPECT_EQ(Ok(at_threshold).Json()["no_answer_accuracy"], 1.0);

  Arguments withhold = arguments;
  withhold.insert(withhold.end(), {"--open", "--withhold", "--abstain", "never"});
  const nlohmann::json withheld = Ok(withhold).Json();
  // Nothing is left to read for q1; q2 is answered from the other paragraph.
  EXPECT_EQ(withheld["no_answer_accuracy"], 0.5);
  EXPECT_TRUE(withheld["has_answer_f1"].is_null()) << "none is answerable";
}

TEST_F(Corpus, EvalQuestionsFindsPagesByTheEndOfTheirPath) {
  folder_->Write(
      "q.jsonl",
      "{\"id\":\"1\",\"question\":\"Who lit the lamp?\",\"document\":\"lamp.md\",\"answer\":[\"Ada "
      "Fenn\"],\"answerable\":true}\n"
      "{\"id\":\"2\",\"question\":\"ticket costs "
      "crowns\",\"document\":\"other/ferry.txt\",\"answer\":\"four crowns\",\"answerable\":true}\n"
      "{\"id\":\"3\",\"question\":\"Who was the king of "
      "Sweden?\",\"document\":null,\"answer\":null,\"answerable\":false}\n");
  const nlohmann::json json =
      Ok({"eval", "questions", "q.jsonl", "--json", "--answers", "--mode", "extract"}).Json();
  EXPECT_EQ(json["questions"], 3);
  EXPECT_EQ(json["with_page"], 2);
  for (const auto& [mode, scores] : json["modes"].items()) {
    EXPECT_EQ(scores["page@1"], 0.5) << mode;
    EXPECT_EQ(scores["page@10"], 0.5) << mode;
  }
  ExpectKeys(json["answers"], {"contains", "abstained_answerable", "abstained_unanswerable"});
  EXPECT_THAT(Ok({"eval", "questions", "q.jsonl"}).out, HasSubstr("page@5"));
}

}  // namespace
}  // namespace fovea
