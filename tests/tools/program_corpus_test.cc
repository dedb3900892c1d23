// The built program with the real models on a tiny corpus: JSON shapes and what the commands
// promise of each other.

#include "tests/tools/program_corpus.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "lib/base/file.h"

namespace fovea {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST_F(Corpus, IndexReportsWhatItDid) {
  ASSERT_EQ(indexed_->status, 0) << indexed_->err;
  const nlohmann::json report = indexed_->Json();
  ExpectKeys(report, {"added", "updated", "renamed", "unchanged", "removed", "skipped", "chunks",
                      "tokens", "seconds"});
  EXPECT_EQ(report["added"], 3);
  EXPECT_GE(report["chunks"], 3);
  ASSERT_EQ(report["skipped"].size(), 1u);
  EXPECT_EQ(report["skipped"][0]["document"], "docs/empty.txt");
  EXPECT_THAT(report["skipped"][0]["reason"], HasSubstr("empty"));
  EXPECT_THAT(indexed_->err, HasSubstr("100 %"));
}

TEST_F(Corpus, StatusAndVerifyDescribeASoundIndex) {
  const nlohmann::json status = Ok({"status", "--json"}).Json();
  ExpectKeys(status, {"documents", "chunks", "bytes", "embedder", "precision", "chunk_tokens",
                      "index_type", "recall", "generation"});
  EXPECT_EQ(status["documents"], 3);
  EXPECT_EQ(status["embedder"], "all-MiniLM-L6-v2");
  EXPECT_EQ(Ok({"verify", "--json"}).Json(),
            nlohmann::json({{"ok", true}, {"problems", nlohmann::json::array()}}));
  EXPECT_THAT(Ok({"status"}).out, HasSubstr("documents"));
}

TEST_F(Corpus, PrecisionIsTheIndexsUnlessGivenAndThenMustAgree) {
  EXPECT_EQ(Ok({"status", "--json"}).Json()["precision"], "int8");
  Ok({"index", "docs", "--precision", "int8"});
  const ProgramResult other = RunProgram({"index", "docs", "--precision", "f32"}, Here());
  EXPECT_EQ(other.status, 1);
  EXPECT_THAT(other.err, HasSubstr("precision int8 (asked for: f32)"));

  Ok({"index", "docs", "--index", "exact", "--precision", "f32"});
  Ok({"index", "docs", "--index", "exact"});
  EXPECT_EQ(Ok({"status", "--index", "exact", "--json"}).Json()["precision"], "f32");
  EXPECT_EQ(Ok({"verify", "--index", "exact", "--json"}).Json()["ok"], true);
  const auto hits =
      Ok({"search", "--index", "exact", "--mode", "dense", "--json", "ferry"}).JsonLines();
  ASSERT_FALSE(hits.empty());
  EXPECT_EQ(hits[0]["document"], "docs/ferry.txt");
}

TEST_F(Corpus, EmbedIsInt8UnlessAskedForF32AndTheTwoAreClose) {
  const ProgramRun run{.input = "When does the ferry leave?\n", .folder = folder_->path()};
  const auto embed = [&](Arguments more) {
    Arguments arguments = {"embed", "--json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return Ok(arguments, run).JsonLines().at(0).get<std::vector<double>>();
  };
  const std::vector<double> fast = embed({"--precision", "int8"});
  const std::vector<double> exact = embed({"--precision", "f32"});
  EXPECT_EQ(embed({}), fast);
  EXPECT_NE(fast, exact);
  double cosine = 0;
  for (std::size_t i = 0; i < exact.size(); ++i) cosine += fast.at(i) * exact[i];
  EXPECT_GE(cosine, 0.99);
}

TEST_F(Corpus, ShowPrintsTheFileByteForByte) {
  EXPECT_EQ(Ok({"show", "docs/lamp.md"}).out, ReadFile(folder_->path() / "docs/lamp.md"));
  EXPECT_EQ(Ok({"show", "./docs/lamp.md"}).out, ReadFile(folder_->path() / "docs/lamp.md"));
  const ProgramResult none = RunProgram({"show", "lamp.md"}, Here());
  EXPECT_EQ(none.status, 1);
  EXPECT_THAT(none.err, HasSubstr("there is \"docs/lamp.md\""));
}

TEST_F(Corpus, SearchGivesRankedPassagesInEveryMode) {
  for (const char* mode : {"read", "hybrid", "dense", "lexical"}) {
    SCOPED_TRACE(mode);
    const auto hits =
        Ok({"search", "--json", "--mode", mode, "when", "does", "the", "ferry", "leave"})
            .JsonLines();
    ASSERT_FALSE(hits.empty());
    EXPECT_EQ(hits[0]["document"], "docs/ferry.txt");
    for (const nlohmann::json& hit : hits) {
      ExpectKeys(hit, {"document", "title", "begin", "end", "score", "dense_rank", "lexical_rank",
                       "weight", "text"});
      EXPECT_EQ(hit["weight"].is_null(), std::string(mode) != "read");
      const std::string text = Ok({"show", hit["document"]}).out;
      EXPECT_EQ(text.substr(hit["begin"],
                            hit["end"].get<std::size_t>() - hit["begin"].get<std::size_t>()),
                hit["text"]);
    }
  }
  EXPECT_EQ(Ok({"search", "ferry", "-k", "1", "--json"}).JsonLines().size(), 1u);
  EXPECT_THAT(Ok({"search", "ferry", "--filter", "*lamp*", "--json"}).JsonLines()[0]["document"],
              "docs/lamp.md");
  EXPECT_THAT(Ok({"search", "ferry", "--filter", "none*"}).out, "nothing found\n");
  EXPECT_EQ(Ok({"search", "ferry", "--filter", "none*", "--json"}).out, "");
}

void ExpectAnswerShape(const nlohmann::json& answer) {
  ExpectKeys(answer, {"question", "answer", "short_answer", "source", "abstained", "confidence",
                      "citations", "passages", "timings"});
  ExpectKeys(answer["timings"], {"load", "retrieve", "read", "prefill", "generate", "tokens"});
  double weights = 0;
  for (const nlohmann::json& passage : answer["passages"]) {
    ExpectKeys(passage, {"document", "title", "begin", "end", "weight", "score", "text"});
    weights += passage["weight"].get<double>();
  }
  EXPECT_LE(weights, 1 + 1e-5);
  EXPECT_EQ(answer["abstained"].get<bool>(), answer["source"] == "none");
  EXPECT_EQ(answer["abstained"].get<bool>(), answer["short_answer"].is_null());
}

TEST_F(Corpus, AskGivesACitedAnswerInTheShapeOfTheContract) {
  for (const char* mode : {"extract", "generate"}) {
    SCOPED_TRACE(mode);
    const nlohmann::json answer = Ok({"ask", "--json", "--mode", mode, "--abstain", "never",
                                      "--max-tokens", "24", "Who lit the lamp?"})
                                      .Json();
    ExpectAnswerShape(answer);
    EXPECT_FALSE(answer["abstained"].get<bool>());
    ASSERT_FALSE(answer["citations"].empty());
    for (const nlohmann::json& citation : answer["citations"]) {
      ExpectKeys(citation, {"document", "title", "begin", "end", "text", "weight"});
      const std::string text = Ok({"show", citation["document"]}).out;
      EXPECT_EQ(text.substr(citation["begin"], citation["end"].get<std::size_t>() -
                                                   citation["begin"].get<std::size_t>()),
                citation["text"]);
    }
  }
}

TEST_F(Corpus, AskAbstainsAtThresholdZeroWithStatusZero) {
  const nlohmann::json answer = Ok({"ask", "--json", "--abstain", "0", "Who lit the lamp?"}).Json();
  ExpectAnswerShape(answer);
  EXPECT_TRUE(answer["abstained"].get<bool>());
  EXPECT_FALSE(answer["answer"].get<std::string>().empty());
}

TEST_F(Corpus, AskReadsQuestionsFromAFileOneALine) {
  folder_->Write("questions.txt", "Who lit the lamp?\n\n  \nWhat does a ticket cost?\r\n");
  const auto answers =
      Ok({"ask", "--questions", "questions.txt", "--json", "--mode", "extract"}).JsonLines();
  ASSERT_EQ(answers.size(), 2u);
  EXPECT_EQ(answers[1]["question"], "What does a ticket cost?");
  for (const nlohmann::json& answer : answers) ExpectAnswerShape(answer);
}

TEST_F(Corpus, AskStreamsTheAnswerAndNumbersTheCitations) {
  const Arguments question = {"ask",          "--abstain", "never",
                              "--max-tokens", "24",        "What does a ticket cost?"};
  const ProgramResult plain = Ok(question);
  EXPECT_THAT(plain.out, HasSubstr("[1] docs/"));
  Arguments streamed = question;
  streamed.push_back("--stream");
  streamed.push_back("--show-attention");
  const ProgramResult result = Ok(streamed);
  EXPECT_THAT(result.out, HasSubstr("[1] docs/"));
  EXPECT_THAT(result.out, HasSubstr("none of these: "));
  EXPECT_EQ(result.out.find('\033'), std::string::npos) << "colours outside a terminal";
}

TEST_F(Corpus, AskTakesExamplesAndNamesTheLineOfABadOne) {
  folder_->Write("good.jsonl", "{\"question\":\"What burns?\",\"answer\":\"Whale oil.\"}\n");
  folder_->Write("bad.jsonl", "{\"question\":\"What burns?\"}\n");
  ExpectAnswerShape(
      Ok({"ask", "--json", "--examples", "good.jsonl", "--max-tokens", "8", "Who lit the lamp?"})
          .Json());
  const ProgramResult bad = RunProgram({"ask", "--examples", "bad.jsonl", "q"}, Here());
  EXPECT_EQ(bad.status, 1);
  EXPECT_THAT(bad.err, HasSubstr("bad.jsonl:1"));
}

TEST_F(Corpus, AskShowsTheNearestExamplesAndSaysWhich) {
  folder_->Write("examples.jsonl",
                 "{\"question\":\"Who built the bridge?\",\"answer\":\"Tom Rowe.\"}\n"
                 "{\"question\":\"What do bees eat?\",\"answer\":\"Nectar.\"}\n"
                 "{\"question\":\"Who lit the fire?\",\"answer\":\"Jo Lund.\"}\n");
  const Arguments ask = {"ask", "--json",    "--examples", "examples.jsonl", "--max-tokens",
                         "8",   "--abstain", "never",      "--verbose"};
  const auto examples = [&](Arguments more) {
    more.insert(more.begin(), ask.begin(), ask.end());
    more.push_back("Who lit the lamp?");
    return Ok(more).Json()["examples"];
  };
  const nlohmann::json two = examples({"--examples-k", "2"});
  EXPECT_EQ(two["k"], 2);
  EXPECT_EQ(two["left_out"], 0);
  ASSERT_EQ(two["shown"].size(), 2u);
  EXPECT_EQ(two["shown"][0]["answer"], "Tom Rowe.");
  EXPECT_EQ(two["shown"][1]["question"], "Who lit the fire?");
  EXPECT_GT(two["shown"][1]["similarity"], two["shown"][0]["similarity"]);
  EXPECT_EQ(examples({})["k"], 3);
  EXPECT_EQ(examples({"--examples-k", "0"})["shown"].size(), 0u);
  folder_->Write("blank.jsonl", "\n{\"question\":\"What burns?\",\"answer\":\" \"}\n");
  const ProgramResult blank = RunProgram({"ask", "--examples", "blank.jsonl", "q"}, Here());
  EXPECT_EQ(blank.status, 1);
  EXPECT_THAT(blank.err, HasSubstr("blank.jsonl:2"));
}

TEST_F(Corpus, AskTellsHowTheWindowWasSpent) {
  const Arguments ask = {"ask",     "--max-tokens",     "8", "--abstain", "never",
                         "--quiet", "Who lit the lamp?"};
  const auto with = [&](Arguments more) {
    more.insert(more.begin(), ask.begin(), ask.end());
    return Ok(more);
  };
  EXPECT_THAT(with({}).err, IsEmpty());
  const ProgramResult result = with({"--verbose", "--json"});
  const nlohmann::json window = result.Json()["window"];
  int sum = 0;
  for (const char* part : {"instructions", "examples", "question", "evidence", "reply", "unused"})
    sum += window[part].get<int>();
  EXPECT_EQ(sum, window["context"]);
  EXPECT_EQ(window["reply"], 8);
  EXPECT_GT(window["evidence"], 0);
  EXPECT_THAT(result.err, HasSubstr("evidence " + window["evidence"].dump()));
  EXPECT_THAT(result.err, HasSubstr("left out: 0 examples, "));
  EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1);
  const ProgramResult quoted = with({"--verbose", "--json", "--mode", "extract"});
  EXPECT_TRUE(quoted.Json()["window"].is_null());
  EXPECT_THAT(quoted.err, HasSubstr("not used"));
}

TEST_F(Corpus, AnswersDoNotDependOnTheNumberOfThreads) {
  const auto answer = [&](const char* threads) {
    nlohmann::json json = Ok({"ask", "--json", "--threads", threads, "--max-tokens", "16",
                              "--abstain", "never", "Who lit the lamp?"})
                              .Json();
    json.erase("timings");
    return json;
  };
  EXPECT_EQ(answer("1"), answer("3"));
}

TEST_F(Corpus, ReadAnswersFromFilesWithoutAnIndex) {
  const TempFolder empty;
  const std::string docs = (folder_->path() / "docs").string();
  const ProgramRun elsewhere{.folder = empty.path()};
  const nlohmann::json answer = Ok({"read", "--json", "--question", "What does a ticket cost?",
                                    docs + "/bees.txt", docs + "/ferry.txt"},
                                   elsewhere)
                                    .Json();
  ExpectAnswerShape(answer);
  ASSERT_EQ(answer["passages"].size(), 2u);
  ASSERT_FALSE(answer["citations"].empty());
  EXPECT_THAT(answer["citations"][0]["text"], HasSubstr("four crowns"));
  EXPECT_TRUE(std::filesystem::is_empty(empty.path()));
}

TEST_F(Corpus, ReadCutsALongFileIntoOverlappingPassagesAndTakesStandardInput) {
  std::string text;
  for (int i = 0; i < 60; ++i)
    text += "Room " + std::to_string(i) + " has " + std::to_string(i + 2) + " chairs and a table. ";
  const nlohmann::json answer =
      Ok({"read", "--json", "--question", "How many chairs has room 57?", "-"},
         {.input = text, .folder = folder_->path()})
          .Json();
  ASSERT_GT(answer["passages"].size(), 2u);
  std::size_t covered = 0;
  std::vector<std::pair<std::size_t, std::size_t>> ranges;
  for (const nlohmann::json& p : answer["passages"]) ranges.emplace_back(p["begin"], p["end"]);
  std::sort(ranges.begin(), ranges.end());
  for (const auto& [begin, end] : ranges) {
    EXPECT_LE(begin, covered + 1) << "a gap";
    covered = std::max(covered, end);
  }
  EXPECT_GE(covered, text.size() - 1);
}

TEST_F(Corpus, EmbedWritesUnitVectorsAsJsonAndTheSameOnesAsNpy) {
  const ProgramRun run{.input = "the ferry\n\nthe lamp", .folder = folder_->path()};
  const auto rows = Ok({"embed"}, run).JsonLines();
  ASSERT_EQ(rows.size(), 3u);
  Ok({"embed", "-", "--out", "v.npy", "--quiet"}, run);
  const std::string bytes = ReadFile(folder_->path() / "v.npy");
  ASSERT_EQ(bytes.size(), 128 + 3 * 384 * sizeof(float));
  for (std::size_t row = 0; row < rows.size(); ++row) {
    ASSERT_EQ(rows[row].size(), 384u);
    double norm = 0;
    for (std::size_t i = 0; i < 384; ++i) {
      float stored;
      std::memcpy(&stored, bytes.data() + 128 + (row * 384 + i) * sizeof stored, sizeof stored);
      EXPECT_EQ(rows[row][i].get<float>(), stored);
      norm += static_cast<double>(stored) * stored;
    }
    EXPECT_NEAR(norm, 1, 1e-5);
  }
}

TEST_F(Corpus, EmbedCountsTheTextsThatAreCut) {
  std::string text = "short\n";
  for (int i = 0; i < 300; ++i) text += "word ";
  const ProgramResult result = Ok({"embed"}, {.input = text, .folder = folder_->path()});
  EXPECT_THAT(result.err, HasSubstr("1 of 2 texts were cut to 256 tokens"));
}

TEST_F(Corpus, TokenizeGivesIdsForEachLineAndNeverCuts) {
  std::string text = "hello world\n\n[SEP]\n";
  for (int i = 0; i < 600; ++i) text += "word ";
  const auto lines = Ok({"tokenize"}, {.input = text, .folder = folder_->path()}).JsonLines();
  ASSERT_EQ(lines.size(), 4u);
  EXPECT_EQ(lines[0], nlohmann::json({101, 7592, 2088, 102}));
  EXPECT_EQ(lines[1], nlohmann::json({101, 102}));
  EXPECT_EQ(lines[2], nlohmann::json({101, 102, 102}));
  EXPECT_EQ(lines[3].size(), 602u);
  const auto generator = Ok({"tokenize", "--tokenizer", "generator"},
                            {.input = "<|im_start|>\n", .folder = folder_->path()})
                             .JsonLines();
  ASSERT_EQ(generator.size(), 1u);
  EXPECT_GT(generator[0].size(), 1u) << "a control token was parsed out of text";
}

TEST_F(Corpus, GenerateContinuesAPromptTheSameInJsonAndInText) {
  const nlohmann::json json =
      Ok({"generate", "--json", "--raw", "--max-tokens", "4", "The capital of France is"}).Json();
  ExpectKeys(json, {"text", "tokens", "timings"});
  EXPECT_LE(json["tokens"].size(), 4u);
  EXPECT_THAT(json["text"], HasSubstr("Paris"));
  EXPECT_EQ(Ok({"generate", "--raw", "--max-tokens", "4", "The capital of France is"}).out,
            json["text"].get<std::string>() + "\n");
}

TEST_F(Corpus, JsonIsAllThatStdoutHoldsAndQuietSilencesTheRest) {
  const ProgramResult result = Ok({"search", "ferry", "--json", "--quiet", "-k", "1"});
  EXPECT_EQ(result.JsonLines().size(), 1u);
  EXPECT_THAT(result.err, IsEmpty());
}

}  // namespace
}  // namespace fovea
