// The built program, without a model: usage, help, configuration, exit statuses, stdout and stderr.

#include "tests/tools/program.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fovea {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

using Arguments = std::vector<std::string>;

const std::vector<std::string> kCommands = {"index",
                                            "remove",
                                            "status",
                                            "verify",
                                            "show",
                                            "search",
                                            "ask",
                                            "chat",
                                            "read",
                                            "embed",
                                            "tokenize",
                                            "generate",
                                            "eval retrieval",
                                            "eval qa",
                                            "eval questions",
                                            "eval conversations",
                                            "train reader",
                                            "bench"};

Arguments Words(const std::string& command) {
  Arguments words;
  std::istringstream text(command);
  for (std::string word; text >> word;) words.push_back(word);
  return words;
}

struct WrongUsage {
  Arguments arguments;
  const char* message;
};

TEST(Program, AnswersWrongUsageWithStatusTwoAndNamesTheOption) {
  const std::vector<WrongUsage> cases = {
      {{}, "give a command"},
      {{"fly"}, "unknown command \"fly\""},
      {{"chat", "extra"}, "unexpected argument \"extra\""},
      {{"chat", "--history-tokens", "-1"}, "--history-tokens: expected"},
      {{"train"}, "train: say what to train"},
      {{"train", "reader", "--out", "r"}, "--data: missing"},
      {{"train", "reader", "--data", "d"}, "--out: missing"},
      {{"train", "reader", "--data", "d", "--out", "r", "--rate", "0"}, "--rate: expected"},
      {{"eval"}, "eval: say what to eval: "},
      {{"eval", "speed"}, "unknown command \"eval speed\""},
      {{"--nonsense"}, "--nonsense"},
      {{"index"}, "missing PATH"},
      {{"index", ".", "--chunk-tokens", "-1"}, "--chunk-tokens: expected"},
      {{"index", ".", "--chunk-tokens", "10", "--chunk-overlap", "10"}, "--chunk-overlap"},
      {{"index", ".", "--precision", "f16"}, "--precision: expected f32|int8"},
      {{"index", ".", "--max-file-bytes", "0"}, "--max-file-bytes: expected"},
      {{"remove"}, "missing PATH"},
      {{"status", "extra"}, "unexpected argument \"extra\""},
      {{"verify", "--repair=yes"}, "--repair"},
      {{"show"}, "missing DOCUMENT"},
      {{"search"}, "missing QUERY"},
      {{"search", " "}, "QUERY is empty"},
      {{"search", "q", "-k", "0"}, "-k: expected a whole number from 1"},
      {{"search", "q", "--mode", "best"}, "--mode: expected read|hybrid|dense|lexical"},
      {{"ask"}, "missing QUESTION"},
      {{"ask", "q", "--questions", "f"}, "--questions"},
      {{"ask", "q", "--abstain", "2"}, "--abstain: expected auto, never or a number"},
      {{"ask", "q", "--top-p", "0"}, "--top-p: expected"},
      {{"ask", "q", "--temperature", "-1"}, "--temperature: expected"},
      {{"ask", "q", "--max-tokens", "0"}, "--max-tokens: expected"},
      {{"ask", "q", "--seed", "x"}, "--seed: expected"},
      {{"read", "f"}, "--question: missing"},
      {{"read", "--question", "q"}, "missing FILE"},
      {{"embed", "a", "b"}, "unexpected argument \"b\""},
      {{"tokenize", "--tokenizer", "none"}, "--tokenizer: expected embedder|generator"},
      {{"generate", ""}, "PROMPT is empty"},
      {{"generate", "p", "--raw", "--system", "s"}, "--system"},
      {{"eval", "retrieval"}, "--beir: missing"},
      {{"eval", "qa"}, "--squad: missing"},
      {{"eval", "qa", "--squad", "f", "--limit", "0"}, "--limit: expected"},
      {{"eval", "qa", "--squad", "f", "--withhold"}, "--withhold: needs --open"},
      {{"eval", "questions"}, "missing FILE"},
      {{"eval", "conversations"}, "missing FILE"},
      {{"bench", "speed"}, "PART: expected"},
  };
  for (const WrongUsage& c : cases) {
    SCOPED_TRACE(testing::PrintToString(c.arguments));
    const ProgramResult result = RunProgram(c.arguments);
    EXPECT_EQ(result.status, 2);
    EXPECT_THAT(result.err, HasSubstr(c.message));
    EXPECT_THAT(result.err, HasSubstr("--help"));
    EXPECT_THAT(result.out, IsEmpty());
  }
}

TEST(Program, RefusesWrongCommonOptionsOfEveryCommand) {
  for (const std::string& command : kCommands) {
    for (const Arguments& options : {Arguments{"--threads", "0"}, Arguments{"--threads", "-2"},
                                     Arguments{"--no-such"}, Arguments{"--log-level", "loud"}}) {
      Arguments arguments = Words(command);
      arguments.insert(arguments.end(), options.begin(), options.end());
      SCOPED_TRACE(testing::PrintToString(arguments));
      const ProgramResult result = RunProgram(arguments);
      EXPECT_EQ(result.status, 2);
      EXPECT_THAT(result.err, HasSubstr(options.front()));
      EXPECT_THAT(result.err, HasSubstr("see fovea " + command + " --help"));
    }
  }
}

TEST(Program, HelpsOnStdoutWithStatusZero) {
  const ProgramResult all = RunProgram({"--help"});
  EXPECT_EQ(all.status, 0);
  EXPECT_THAT(all.err, IsEmpty());
  for (const std::string& command : kCommands) {
    EXPECT_THAT(all.out, HasSubstr("\n  " + command));
    Arguments arguments = Words(command);
    arguments.push_back("--help");
    const ProgramResult one = RunProgram(arguments);
    EXPECT_EQ(one.status, 0) << command;
    EXPECT_THAT(one.out, StartsWith("usage: fovea " + command));
    EXPECT_THAT(one.out, HasSubstr("--threads N"));
  }
  EXPECT_EQ(RunProgram({"--version"}).out, "fovea 0.1.0\n");
}

TEST(Program, TakesCommonOptionsBeforeAndAfterTheCommand) {
  const TempFolder folder;
  const std::string index = (folder.path() / "nothing").string();
  for (const Arguments& arguments :
       {Arguments{"--index", index, "status"}, Arguments{"status", "--index", index},
        Arguments{"--json", "--index=" + index, "--threads", "1", "status", "--quiet"}}) {
    SCOPED_TRACE(testing::PrintToString(arguments));
    const ProgramResult result = RunProgram(arguments);
    EXPECT_EQ(result.status, 1);
    EXPECT_THAT(result.err, StartsWith("fovea: no index in " + index));
    EXPECT_THAT(result.out, IsEmpty());
  }
}

TEST(Program, ReadsAnyOptionFromAConfigurationFile) {
  const TempFolder folder;
  const std::string file = folder.Write("f.ini", "index = from-file\n[search]\nk = 0\n").string();
  const ProgramResult status = RunProgram({"--config", file, "status"}, {.folder = folder.path()});
  EXPECT_EQ(status.status, 1);
  EXPECT_THAT(status.err, HasSubstr("no index in from-file"));
  EXPECT_THAT(
      RunProgram({"--config=" + file, "--index", "given", "status"}, {.folder = folder.path()}).err,
      HasSubstr("no index in given"));
  const ProgramResult search = RunProgram({"search", "q", "--config", file});
  EXPECT_EQ(search.status, 2);
  EXPECT_THAT(search.err, HasSubstr("f.ini: search.k: expected"));
}

TEST(Program, RefusesAConfigurationFileWithAnUnknownOption) {
  const TempFolder folder;
  for (const char* text :
       {"colour = red\n", "[status]\nk = 3\n", "[nowhere]\nindex = x\n", "config = again\n"}) {
    const ProgramResult result =
        RunProgram({"status", "--config", folder.Write("f.ini", text).string()});
    EXPECT_EQ(result.status, 2) << text;
    EXPECT_THAT(result.err, HasSubstr("unknown option"));
  }
  EXPECT_EQ(RunProgram({"status", "--config", (folder.path() / "none").string()}).status, 1);
}

TEST(Program, FailsWithStatusOneWhereSomethingIsMissing) {
  const TempFolder folder;
  const std::string none = (folder.path() / "none").string();
  const ProgramRun here{.folder = folder.path()};
  for (const Arguments& arguments :
       {Arguments{"index", none}, Arguments{"remove", "x"}, Arguments{"verify"},
        Arguments{"show", "x"}, Arguments{"search", "x"}, Arguments{"ask", "x"},
        Arguments{"read", "--question", "q", none}, Arguments{"embed", none},
        Arguments{"tokenize", none}, Arguments{"tokenize", "--models", none},
        Arguments{"embed", "--embedder", "no-such-model"},
        Arguments{"generate", "x", "--generator", "no-such-model"},
        Arguments{"eval", "retrieval", "--beir", none}, Arguments{"eval", "qa", "--squad", none},
        Arguments{"eval", "questions", none},
        Arguments{"read", "--question", "q", "--reader", none, "/dev/null"}}) {
    SCOPED_TRACE(testing::PrintToString(arguments));
    const ProgramResult result = RunProgram(arguments, here);
    EXPECT_EQ(result.status, 1);
    EXPECT_THAT(result.err, StartsWith("fovea: "));
    EXPECT_THAT(result.out, IsEmpty());
  }
  EXPECT_FALSE(std::filesystem::exists(folder.path() / ".fovea"))
      << "a failed command left an index";
}

TEST(Program, GeneratesTheSameWithAndWithoutThePromptCache) {
  const TempFolder folder;
  const ProgramRun run{.environment = {"XDG_CACHE_HOME=" + folder.path().string()}};
  const auto files = folder.path() / "fovea" / "prompts";
  const auto generate = [&](const std::string& mebibytes, const std::string& threads) {
    const ProgramResult result =
        RunProgram({"generate", "Name a colour.", "--system", "You are terse.", "--max-tokens", "8",
                    "--json", "--prompt-cache", mebibytes, "--threads", threads},
                   run);
    EXPECT_THAT(result.err, IsEmpty());
    return result.Json()["tokens"];
  };
  const auto plain = generate("0", "2");
  EXPECT_FALSE(std::filesystem::exists(files));
  for (const char* threads : {"2", "1"}) {
    EXPECT_EQ(generate("1", threads), plain);
    ASSERT_EQ(std::distance(std::filesystem::directory_iterator(files), {}), 1);
  }
  // A damaged file costs a warning, not the answer.
  const auto file = std::filesystem::directory_iterator(files)->path();
  std::filesystem::resize_file(file, 1000);
  const ProgramResult damaged = RunProgram(
      {"generate", "Name a colour.", "--system", "You are terse.", "--max-tokens", "8", "--json"},
      run);
  EXPECT_EQ(damaged.Json()["tokens"], plain);
  EXPECT_THAT(damaged.err, HasSubstr("is damaged"));
}

TEST(Program, SaysThatTheDiskIsFullAndKeepsQuietWhenNobodyReads) {
  const ProgramResult full = RunProgram({"--help"}, {.stdout_file = "/dev/full"});
  EXPECT_EQ(full.status, 1);
  EXPECT_THAT(full.err, HasSubstr("No space left on device"));
  const ProgramResult closed = RunProgram({"--help"}, {.closed_stdout = true});
  EXPECT_EQ(closed.status, 1) << "ended by a signal, or as if all had been written";
  EXPECT_THAT(closed.err, IsEmpty());
}

TEST(Program, NamesInstructionSetsWhenForcedToAnUnknownOne) {
  const ProgramResult result =
      RunProgram({"bench", "kernels"}, {.environment = {"FOVEA_ISA=abacus"}});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.err, HasSubstr("scalar"));
}

}  // namespace
}  // namespace fovea
