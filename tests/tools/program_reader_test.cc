// The built program with weights of a reader.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/base/file.h"
#include "tests/support/models.h"
#include "tests/support/test_reader.h"
#include "tests/tools/program.h"

namespace fovea {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// Random heads on the embedder's own layers: the answers make no sense, but are always the same.
class ProgramReader : public ::testing::Test {
 protected:
  ProgramReader() {
    folder_.Write("docs/a.txt", "Apples grow on trees. Pears grow on trees as well.\n");
    folder_.Write("docs/b.txt", "Boats float on water.\n");
    const auto network = RandomReader(TestEncoder(), TestEmbedderFolder(), {}, 3);
    WriteReader(*network, folder_.path() / "reader.safetensors");
  }
  ProgramResult Run(std::vector<std::string> arguments,
                    const std::string& reader = "reader.safetensors") const {
    arguments.insert(arguments.end(), {"--reader", reader});
    return RunProgram(arguments, {.folder = folder_.path()});
  }
  bool KeepsStates() const {
    return std::filesystem::exists(folder_.path() / ".fovea" / "states.sqlite");
  }

  TempFolder folder_;
};

TEST_F(ProgramReader, StatesCachedAheadOrAtFirstUseChangeNoHit) {
  ASSERT_EQ(Run({"index", "docs"}).status, 0);
  EXPECT_FALSE(KeepsStates());
  const ProgramResult first = Run({"search", "where do apples grow", "--json"});
  EXPECT_EQ(first.status, 0) << first.err;
  EXPECT_TRUE(KeepsStates());
  EXPECT_EQ(Run({"search", "where do apples grow", "--json"}).out, first.out);
  std::filesystem::remove_all(folder_.path() / ".fovea");
  const ProgramResult indexed = Run({"index", "docs", "--cache-states"});
  EXPECT_EQ(indexed.status, 0);
  EXPECT_THAT(indexed.err, Not(HasSubstr("warning")));
  EXPECT_TRUE(KeepsStates());
  EXPECT_EQ(Run({"search", "where do apples grow", "--json"}).out, first.out);
}

TEST_F(ProgramReader, TheEmbeddersReaderKeepsNoStatesAndSaysSoWhenAskedTo) {
  const ProgramResult indexed = Run({"index", "docs", "--cache-states"}, "embedding");
  EXPECT_EQ(indexed.status, 0);
  EXPECT_THAT(indexed.err, HasSubstr("no learned reader"));
  EXPECT_EQ(Run({"search", "apples", "--json"}, "embedding").status, 0);
  EXPECT_FALSE(KeepsStates());
}

TEST_F(ProgramReader, AnswersAreReadOutOfGivenFilesWithoutAnIndex) {
  const ProgramResult read = Run({"read", "--question", "What floats?", "--abstain", "never",
                                  "--json", "docs/a.txt", "docs/b.txt"});
  ASSERT_EQ(read.status, 0) << read.err;
  const nlohmann::json answer = read.Json();
  EXPECT_EQ(answer["passages"].size(), 2u);
  double weights = 0;
  for (const auto& passage : answer["passages"]) weights += passage["weight"].get<double>();
  // Sums of f32 weights.
  EXPECT_NEAR(weights, answer["confidence"].get<double>(), 1e-5);
  EXPECT_FALSE(answer["short_answer"].is_null());
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / ".fovea"));
}

TEST_F(ProgramReader, AttentionIsDrawnForEveryPassage) {
  const ProgramResult read =
      Run({"read", "--question", "What floats?", "--show-attention", "docs/a.txt", "docs/b.txt"});
  ASSERT_EQ(read.status, 0) << read.err;
  for (const char* part : {"docs/a.txt:0-", "docs/b.txt:0-", "none of these: "})
    EXPECT_THAT(read.out, HasSubstr(part));
}

TEST_F(ProgramReader, AttentionIsWrittenAsAPageBesideTheAnswer) {
  ASSERT_EQ(Run({"index", "docs"}).status, 0);
  const auto with_page = [&](std::vector<std::string> command) {
    command.insert(command.end(), {"--attention-html", "page.html"});
    const ProgramResult result = Run(command);
    EXPECT_EQ(result.status, 0) << result.err;
    const auto page = folder_.path() / "page.html";
    EXPECT_THAT(ReadFile(page),
                HasSubstr("\"layers\":3,\"heads\":12,\"question_tokens\":[\"[CLS]\",\"What\""));
    std::filesystem::remove(page);
    return result.out;
  };
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"read", "--question", "What floats?", "docs/a.txt"},
        {"ask", "What floats?", "--mode", "extract"}}) {
    EXPECT_EQ(with_page(command), Run(command).out);
  }
  const std::string json = with_page({"ask", "What floats?", "--mode", "extract", "--json"});
  EXPECT_EQ(nlohmann::json::parse(json)["passages"].size(), 2u);
}

TEST_F(ProgramReader, TheEmbeddersReaderWritesAPageOfSentences) {
  const ProgramResult read =
      Run({"read", "--question", "What floats?", "--attention-html", "page.html", "docs/b.txt"},
          "embedding");
  EXPECT_EQ(read.status, 0) << read.err;
  EXPECT_THAT(ReadFile(folder_.path() / "page.html"), HasSubstr("\"layers\":0"));
}

TEST_F(ProgramReader, APageThatCannotBeWrittenIsAnErrorThatNamesItAfterTheAnswer) {
  const ProgramResult read = Run({"read", "--question", "What floats?", "--attention-html",
                                  "missing/page.html", "docs/b.txt"});
  EXPECT_EQ(read.status, 1);
  EXPECT_THAT(read.err, HasSubstr("missing/page.html"));
  EXPECT_THAT(read.out, Not(IsEmpty()));
}

TEST_F(ProgramReader, APageShowsOneQuestion) {
  folder_.Write("questions.txt", "What floats?\n");
  const ProgramResult ask =
      Run({"ask", "--questions", "questions.txt", "--attention-html", "page.html"});
  EXPECT_EQ(ask.status, 2);
  EXPECT_THAT(ask.err, HasSubstr("--attention-html"));
}

TEST_F(ProgramReader, WeightsThatAreNoReadersAreRefusedByName) {
  folder_.Write("cut.safetensors", "abc");
  for (const char* file : {"cut.safetensors", "none.safetensors", "docs/a.txt"}) {
    const ProgramResult result = Run({"read", "--question", "q", "docs/a.txt"}, file);
    EXPECT_EQ(result.status, 1) << file;
    EXPECT_THAT(result.err, HasSubstr(file));
    EXPECT_THAT(result.out, IsEmpty());
  }
}

}  // namespace
}  // namespace fovea
