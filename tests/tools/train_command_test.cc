// `fovea train reader` from end to end on a tiny model and made-up questions.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "lib/base/file.h"
#include "lib/reader/reader_file.h"
#include "tests/support/tiny_models.h"
#include "tests/tools/program.h"

namespace fovea {
namespace {

using Json = nlohmann::json;
using ::testing::HasSubstr;

using Arguments = std::vector<std::string>;

// The answer is the word after "a b"; every third question has none.
std::string MadeUpLines(int count) {
  const std::vector<std::string> words = {"a", "b", "c", "d"};
  std::string lines;
  for (int i = 0; i < count; ++i) {
    const std::string answer = words[static_cast<std::size_t>(i / 3) % 4];
    std::string context = "d c ";
    for (int bit = 0; bit < 4; ++bit) context += i >> bit & 1 ? "d " : "c ";
    const bool answerable = i % 3 != 2;
    const std::size_t start = context.size() + 4;
    if (answerable) context += "a b " + answer;
    nlohmann::json line = {{"id", std::to_string(i)},
                           {"title", "b"},
                           {"context", context},
                           {"question", "a b"},
                           {"answerable", answerable}};
    if (answerable) line["answers"] = {{{"text", answer}, {"start", start}}};
    lines += line.dump() + "\n";
  }
  return lines;
}

class TrainReader : public testing::Test {
 protected:
  TrainReader() {
    TinyBert().Write(folder_.path() / "tiny");
    folder_.Write("data.jsonl", MadeUpLines(48));
  }

  Arguments Command(const std::string& out, const Arguments& more = {}) const {
    Arguments arguments = {"train",      "reader", "--data",  "data.jsonl", "--out",   out,
                           "--embedder", "./tiny", "--apart", "1",          "--joint", "1"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }
  ProgramRun Here() const { return {.folder = folder_.path()}; }
  ProgramResult Run(const Arguments& arguments) const { return RunProgram(arguments, Here()); }
  ProgramResult Ok(const Arguments& arguments) const {
    ProgramResult result = Run(arguments);
    EXPECT_EQ(result.status, 0) << testing::PrintToString(arguments) << "\n" << result.err;
    return result;
  }
  std::string Bytes(const std::string& file) const { return ReadFile(folder_.path() / file); }

  TempFolder folder_;
};

TEST_F(TrainReader, WritesTheSameWeightsForAnyThreads) {
  Ok(Command("one", {"--threads", "1"}));
  Ok(Command("two", {"--threads", "2"}));
  EXPECT_GT(Bytes("one").size(), 10'000u);
  EXPECT_TRUE(Bytes("one") == Bytes("two"));
  Ok(Command("other", {"--seed", "2"}));
  EXPECT_TRUE(Bytes("one") != Bytes("other"));
}

// The second file is taken in part, another part each epoch.
TEST_F(TrainReader, AnInterruptedRunEndsWithTheSameWeights) {
  folder_.Write("more.jsonl", MadeUpLines(40));
  const Arguments more = {"--epochs", "60", "--data", "more.jsonl:0.4"};
  Ok(Command("whole", more));
  Program first(Command("parts", more), Here());
  while (!std::filesystem::exists(folder_.path() / "parts"))  // the first epoch's weights
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  first.Kill(SIGINT);
  EXPECT_EQ(first.Wait().status, 130);
  Arguments resumed = Command("parts", more);
  resumed.push_back("--resume");
  Ok(resumed);
  EXPECT_TRUE(Bytes("parts") == Bytes("whole"));
}

TEST_F(TrainReader, TakesAShareOfAFile) {
  Arguments half = Command("out", {"--epochs", "40", "--log-level", "info"});
  half[3] = "data.jsonl:0.5";
  const ProgramResult result = Ok(half);
  EXPECT_THAT(result.err, HasSubstr("step 50 of 80"));  // 24 questions an epoch in batches of 16
  const ReaderFile file(folder_.path() / "out");
  EXPECT_EQ(file.info().card.at("data"), "48 questions over 48 passages: data.jsonl:0.5");
  EXPECT_THAT(file.info().card.at("command"), HasSubstr("--data data.jsonl:0.5 "));

  Arguments other = Command("out", {"--epochs", "40", "--resume"});
  other[3] = "data.jsonl:0.6";
  const ProgramResult refused = Run(other);
  EXPECT_EQ(refused.status, 1);
  EXPECT_THAT(refused.err, HasSubstr("of another training (24 questions of 24/48,"));
  other[3] = "data.jsonl:2";
  EXPECT_EQ(Run(other).status, 2);
}

TEST_F(TrainReader, LooksForHardNegativesOfTheQuestionsThatItTakesAlone) {
  Arguments half = Command("out", {"--epochs", "1"});
  half[3] = "data.jsonl:0.5";
  Ok(half);
  std::istringstream lines(Bytes("out.candidates"));
  std::string line;
  std::getline(lines, line);  // the fingerprint
  int found = 0, left_out = 0;
  while (std::getline(lines, line)) ++(line == "[]" ? left_out : found);
  EXPECT_EQ(found, 24);
  EXPECT_EQ(left_out, 24);
}

TEST_F(TrainReader, FineTuningTakesTheLayersOfItsStart) {
  Ok(Command("first"));
  Ok({"train", "reader", "--data", "data.jsonl", "--out", "second", "--embedder", "./tiny",
      "--init", "first"});
  const ReaderFile second(folder_.path() / "second");
  EXPECT_EQ(second.info().apart_layers, 1u);
  EXPECT_EQ(second.info().joint_layers, 1u);
  const ProgramResult other = Run({"train", "reader", "--data", "data.jsonl", "--out", "third",
                                   "--embedder", "./tiny", "--init", "first", "--apart", "0"});
  EXPECT_EQ(other.status, 1);
  EXPECT_THAT(other.err, HasSubstr("has 0 frozen, 1 apart, 1 joint layers"));
}

TEST_F(TrainReader, FineTuningCanLeaveOutLayersAndUnits) {
  Ok({"train", "reader", "--data", "data.jsonl", "--out", "first", "--embedder", "./tiny",
      "--apart", "0", "--joint", "2"});
  Ok({"train", "reader", "--data", "data.jsonl", "--out", "second", "--embedder", "./tiny",
      "--init", "first", "--joint", "1", "--feed-forward", "32"});
  const ReaderFile second(folder_.path() / "second");
  EXPECT_EQ(second.info().joint_layers, 1u);
  EXPECT_EQ(second.info().joint_feed_forward, 32u);
  EXPECT_THAT(second.info().card.at("command"), HasSubstr("--joint 1 --feed-forward 32"));
  Ok({"train", "reader", "--data", "data.jsonl", "--out", "third", "--embedder", "./tiny", "--init",
      "second"});
  EXPECT_EQ(ReaderFile(folder_.path() / "third").info().joint_feed_forward, 32u);
  const ProgramResult wider =
      Run({"train", "reader", "--data", "data.jsonl", "--out", "fourth", "--embedder", "./tiny",
           "--init", "second", "--feed-forward", "40"});
  EXPECT_EQ(wider.status, 1);
  EXPECT_THAT(wider.err, HasSubstr("1 joint layers of 32 units"));
}

TEST_F(TrainReader, WritesExamplesForAnotherFramework) {
  Arguments arguments = Command("out");
  arguments[4] = "--examples";
  Ok(arguments);
  std::istringstream lines(Bytes("out"));
  std::string text;
  ASSERT_TRUE(std::getline(lines, text));
  EXPECT_EQ(Json::parse(text), Json({{"fovea_examples", 1}}));
  std::vector<Json> passages, questions;
  while (std::getline(lines, text)) {
    Json line = Json::parse(text);
    if (line.contains("passage")) {
      passages.push_back(std::move(line));
      continue;
    }
    for (const Json& wrong : line["wrong"]) EXPECT_LT(wrong[0].get<std::size_t>(), passages.size());
    questions.push_back(std::move(line));
  }
  ASSERT_EQ(questions.size(), 48u);
  std::size_t answerable = 0;
  for (const Json& question : questions) {
    EXPECT_GE(question["question"].size(), 3u);  // [CLS] … [SEP]
    const Json& right = passages.at(question["right"][0].get<std::size_t>());
    for (const Json& answer : question["answers"]) {
      EXPECT_GE(answer[0], right["text"]);
      EXPECT_LT(answer[1].get<std::size_t>() + 1, right["passage"].size());
    }
    answerable += question["answers"].empty() ? 0 : 1;
  }
  EXPECT_GT(answerable, 0u);
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / "out.checkpoint"));

  EXPECT_EQ(Run(Command("other", {"--examples", "out"})).status, 2);
}

TEST_F(TrainReader, NamesTheBadLineOrCountsIt) {
  const std::string bad = R"({"context":"a b","question":"a","answers":[{"text":"b","start":1}]})";
  folder_.Write("data.jsonl", MadeUpLines(2) + bad + "\n" + MadeUpLines(30));
  const ProgramResult refused = Run(Command("out"));
  EXPECT_EQ(refused.status, 1);
  EXPECT_THAT(refused.err, HasSubstr("data.jsonl:3: the answer \"b\" does not stand"));
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / "out"));
  const ProgramResult skipped = Ok(Command("out", {"--skip-bad"}));
  EXPECT_THAT(skipped.err, HasSubstr("1 line"));
  EXPECT_TRUE(std::filesystem::exists(folder_.path() / "out"));
}

TEST_F(TrainReader, RefusesFilesThatAreMissingOrOfAnotherFormat) {
  Arguments missing = Command("out");
  missing[3] = "none.jsonl";
  ProgramResult result = Run(missing);
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.err, HasSubstr("none.jsonl"));

  folder_.Write("data.jsonl", R"({"version":"v2.0","data":[{"title":"a","paragraphs":[]}]})");
  result = Run(Command("out"));
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.err, HasSubstr("data.jsonl:1: no text under \"context\""));
  result = Run(Command("out", {"--skip-bad"}));
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.err, HasSubstr("no questions to train on (1 lines left out)"));
}

TEST_F(TrainReader, RefusesACheckpointCutInHalf) {
  Ok(Command("out", {"--epochs", "1"}));
  const std::string bytes = Bytes("out.checkpoint");
  folder_.Write("out.checkpoint", bytes.substr(0, bytes.size() / 2));
  const ProgramResult result = Run(Command("out", {"--epochs", "1", "--resume"}));
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.err, HasSubstr("out.checkpoint"));
}

TEST_F(TrainReader, ACheckpointOfAnotherTrainingIsRefused) {
  Ok(Command("out", {"--epochs", "1"}));
  const ProgramResult result = Run(Command("out", {"--epochs", "2", "--resume"}));
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.err, HasSubstr("of another training"));
}

TEST_F(TrainReader, AnUnfinishedTrainingIsNotWrittenOver) {
  const Arguments more = {"--epochs", "80"};
  Program first(Command("out", more), Here());
  while (!std::filesystem::exists(folder_.path() / "out.checkpoint"))
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  first.Kill(SIGINT);
  EXPECT_EQ(first.Wait().status, 130);
  const ProgramResult result = Run(Command("out", more));
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.err, HasSubstr("go on with --resume, or remove it"));
}

TEST_F(TrainReader, ValidatesAfterEachEpochAndKeepsTheBest) {
  folder_.Write("valid.json",
                R"({"version":"1.1","data":[{"title":"b","paragraphs":[
                    {"context":"d c a b a","qas":[{"id":"1","question":"a b",
                     "answers":[{"text":"a","answer_start":8}]}]},
                    {"context":"c c c","qas":[]}]}]})");
  const ProgramResult result =
      Ok(Command("out", {"--valid", "valid.json", "--epochs", "6", "--patience", "2", "--json"}));
  const std::vector<nlohmann::json> epochs = result.JsonLines();
  ASSERT_GE(epochs.size(), 2u);
  double best = -1;
  int best_epoch = 0;
  for (const nlohmann::json& epoch : epochs) {
    for (const char* key : {"loss", "f1", "em", "passage_accuracy", "tokens_per_s"})
      EXPECT_TRUE(epoch.contains(key)) << key;
    if (epoch["f1"] > best) {
      best = epoch["f1"];
      best_epoch = epoch["epoch"];
    }
  }
  // It ran to the end, or two epochs past the best one.
  EXPECT_TRUE(epochs.size() == 6 || epochs.size() == static_cast<std::size_t>(best_epoch) + 2);
  const ReaderFile file(folder_.path() / "out");
  EXPECT_EQ(file.info().base, "tiny");
  EXPECT_EQ(file.info().abstain_threshold, 0.5f);
  EXPECT_EQ(file.info().card.at("epoch"), std::to_string(best_epoch));
  EXPECT_THAT(file.info().card.at("figures"), HasSubstr("valid.json: F1 "));
  EXPECT_THAT(file.info().card.at("data"), HasSubstr("48 questions"));
  EXPECT_THAT(file.info().card.at("command"), HasSubstr("--data data.jsonl"));
  const ProgramResult text = Ok(Command("again", {"--valid", "valid.json", "--epochs", "1"}));
  EXPECT_THAT(text.out, HasSubstr("epoch 1: loss "));
  EXPECT_THAT(text.out, HasSubstr("passage accuracy "));
}

TEST_F(TrainReader, FineTunesAllTheAttentionOrTheJointLayersAlone) {
  Ok(Command("first", {"--epochs", "1", "--weights", "f32", "--abstain", "0.25"}));
  const auto tune = [&](const std::string& only) {
    Ok(Command(only, {"--init", "first", "--only", only, "--weights", "f32", "--seed", "4"}));
    return ReaderFile(folder_.path() / only);
  };
  const ReaderFile first(folder_.path() / "first");
  const ReaderFile all = tune("all");
  const ReaderFile attention = tune("attention");
  const ReaderFile joint = tune("joint");
  const auto feed_forward = [](const ReaderFile& file) {
    return file.Matrix("encoder.layer.1.intermediate.dense.weight", 40, 24);
  };
  const auto query = [](const ReaderFile& file, int layer = 1) {
    return file.Matrix("encoder.layer." + std::to_string(layer) + ".attention.self.qkv.weight", 72,
                       24);
  };
  EXPECT_NE(feed_forward(all), feed_forward(first));
  EXPECT_EQ(feed_forward(attention), feed_forward(first));
  EXPECT_NE(query(attention), query(first));
  EXPECT_NE(feed_forward(joint), feed_forward(first));
  EXPECT_NE(query(all, 0), query(first, 0));
  EXPECT_EQ(query(joint, 0), query(first, 0));
  EXPECT_EQ(attention.info().abstain_threshold, 0.25f) << "that of --init";
  EXPECT_THAT(attention.info().card.at("command"), HasSubstr("--init first --only attention"));
  const ProgramResult bad = Run(Command("out", {"--init", "data.jsonl"}));
  EXPECT_EQ(bad.status, 1);
  EXPECT_THAT(bad.err, HasSubstr("data.jsonl"));
}

TEST_F(TrainReader, LearnsFromATeacherOfOtherLayers) {
  Arguments joint = Command("teacher", {"--epochs", "1"});
  joint[9] = "0";
  joint[11] = "2";
  Ok(joint);
  Ok(Command("plain"));
  const ProgramResult result =
      Ok(Command("taught", {"--teacher", "teacher", "--teacher-weight", "0.25", "--json"}));
  for (const nlohmann::json& epoch : result.JsonLines()) EXPECT_GT(epoch["teacher_loss"], 0);
  EXPECT_TRUE(Bytes("taught") != Bytes("plain"));
  EXPECT_THAT(ReaderFile(folder_.path() / "taught").info().card.at("command"),
              HasSubstr("--teacher teacher --teacher-weight 0.25 --teacher-temperature 2.0 "));
  const ProgramResult bad = Run(Command("out", {"--teacher", "data.jsonl"}));
  EXPECT_EQ(bad.status, 1);
  EXPECT_THAT(bad.err, HasSubstr("data.jsonl"));
  EXPECT_EQ(Run(Command("out", {"--teacher", "teacher", "--teacher-weight", "2"})).status, 2);
}

TEST_F(TrainReader, AnIndexGivesHardNegatives) {
  folder_.Write("docs/one.txt", "a b c d c d");
  folder_.Write("docs/two.txt", "b a d d c c");
  Ok({"index", "docs", "--index", "mine", "--embedder", "./tiny"});
  Ok(Command("plain", {"--passages", "4"}));
  Ok(Command("out", {"--passages", "4", "--negatives", "mine"}));
  EXPECT_TRUE(Bytes("plain") != Bytes("out"));
  const ReaderFile file(folder_.path() / "out");
  EXPECT_THAT(file.info().card.at("command"), HasSubstr("--negatives mine "));
  EXPECT_THAT(file.info().card.at("data"), HasSubstr("48 questions over "));
  const ProgramResult none = Run(Command("other", {"--negatives", "nowhere"}));
  EXPECT_EQ(none.status, 1);
  EXPECT_THAT(none.err, HasSubstr("no index in nowhere"));
}

TEST_F(TrainReader, MoreLayersThanTheModelHasAreRefused) {
  Arguments arguments = Command("out");
  arguments[9] = "3";
  const ProgramResult result = Run(arguments);
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.err, HasSubstr("has 2 layers"));
}

}  // namespace
}  // namespace fovea
