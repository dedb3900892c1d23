// The built program over an index that changes, is damaged, or whose making is interrupted.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "tests/tools/program.h"

namespace fovea {
namespace {

using ::testing::HasSubstr;

TEST(ProgramIndex, FollowsChangesAndRemovals) {
  const TempFolder folder;
  const ProgramRun here{.folder = folder.path()};
  folder.Write("docs/a.txt", "Apples grow on trees.\n");
  folder.Write("docs/b.txt", "Boats float on water.\n");
  folder.Write("docs/c.txt", "Clocks tell the time.\n");
  ASSERT_EQ(RunProgram({"index", "docs"}, here).status, 0);
  folder.Write("docs/a.txt", "Apples grow on old trees in the orchard.\n");
  std::filesystem::remove(folder.path() / "docs/b.txt");
  std::filesystem::rename(folder.path() / "docs/c.txt", folder.path() / "docs/d.txt");
  const nlohmann::json report = RunProgram({"index", "docs", "--json"}, here).Json();
  EXPECT_EQ(report["updated"], 1);
  EXPECT_EQ(report["removed"], 1);
  EXPECT_EQ(report["renamed"], 1);
  EXPECT_EQ(report["added"], 0);

  EXPECT_EQ(RunProgram({"remove", "nothing"}, here).status, 1);
  EXPECT_EQ(RunProgram({"remove", "docs/d.txt", "--json"}, here).Json(),
            nlohmann::json({{"removed", 1}}));
  EXPECT_EQ(RunProgram({"status", "--json"}, here).Json()["documents"], 1);
  EXPECT_EQ(RunProgram({"index", "docs", "--chunk-tokens", "50"}, here).status, 1);
}

TEST(ProgramIndex, EscapesFileNamesThatAreNoUtf8) {
  const TempFolder folder;
  const ProgramRun here{.folder = folder.path()};
  folder.Write("docs/caf\xE9.txt", "Coffee is served from eight.\n");
  folder.Write("docs/\xFF.txt", "");
  const ProgramResult indexed = RunProgram({"index", "docs", "--json"}, here);
  ASSERT_EQ(indexed.status, 0) << indexed.err;
  EXPECT_EQ(indexed.Json()["skipped"][0]["document"], "docs/\\xFF.txt");
  EXPECT_EQ(RunProgram({"search", "coffee", "--json"}, here).JsonLines().at(0)["document"],
            "docs/caf\\xE9.txt");
  EXPECT_EQ(RunProgram({"search", "coffee"}, here).status, 0);
}

TEST(ProgramIndex, VectorCodesAreRememberedAndShown) {
  const TempFolder folder;
  const ProgramRun here{.folder = folder.path()};
  folder.Write("docs/a.txt", "Apples grow on trees.\n");
  const auto codes_after = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"index", "docs"});
    EXPECT_EQ(RunProgram(arguments, here).status, 0);
    return RunProgram({"status", "--json"}, here).Json()["vector_codes"].get<std::string>();
  };
  EXPECT_EQ(codes_after({}), "int8");
  EXPECT_EQ(codes_after({"--vector-codes", "f32"}), "f32");
  folder.Write("docs/b.txt", "Boats float on water.\n");
  EXPECT_EQ(codes_after({}), "f32");
  EXPECT_EQ(RunProgram({"search", "boats", "--mode", "dense", "--json"}, here)
                .JsonLines()
                .at(0)["document"],
            "docs/b.txt");
  EXPECT_EQ(RunProgram({"verify", "--repair"}, here).status, 0);
  EXPECT_EQ(RunProgram({"status", "--json"}, here).Json()["index_type"], "flat_f32");
  EXPECT_EQ(codes_after({"--vector-codes", "int8"}), "int8");
  EXPECT_EQ(RunProgram({"index", "docs", "--vector-codes", "f16"}, here).status, 2);
}

TEST(ProgramIndex, VerifyReportsAndRepairsADamagedVectorFile) {
  const TempFolder folder;
  const ProgramRun here{.folder = folder.path()};
  folder.Write("a.txt", "Apples grow on trees.\n");
  ASSERT_EQ(RunProgram({"index", "a.txt"}, here).status, 0);
  for (const auto& entry : std::filesystem::directory_iterator(folder.path() / ".fovea")) {
    if (entry.path().extension() == ".index")
      std::ofstream(entry.path(), std::ios::binary | std::ios::trunc) << "torn";
  }
  const ProgramResult found = RunProgram({"verify", "--json"}, here);
  EXPECT_EQ(found.status, 1);
  EXPECT_FALSE(found.Json()["ok"].get<bool>());
  EXPECT_EQ(RunProgram({"search", "apples", "--json"}, here).JsonLines().size(), 1u)
      << "a torn file must not hide text";
  const ProgramResult repaired = RunProgram({"verify", "--repair", "--json"}, here);
  EXPECT_EQ(repaired.status, 0) << repaired.err;
  EXPECT_TRUE(repaired.Json()["ok"].get<bool>());
  EXPECT_FALSE(repaired.Json()["repaired"].empty());
  EXPECT_EQ(RunProgram({"verify"}, here).status, 0);
}

TEST(ProgramIndex, StopsCleanlyOnCtrlC) {
  const TempFolder folder;
  const ProgramRun here{.folder = folder.path()};
  std::string text;
  for (int i = 0; i < 400; ++i)
    text += "Sentence number " + std::to_string(i) + " speaks of harbours, lamps and ferries. ";
  for (int i = 0; i < 200; ++i)
    folder.Write("docs/" + std::to_string(i) + ".txt", std::to_string(i) + ". " + text);
  Program program({"index", "docs"}, here);
  // Once the index is there, the run is past its start-up.
  for (int i = 0; i < 600 && !std::filesystem::exists(folder.path() / ".fovea/fovea.sqlite"); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  program.Kill(SIGINT);
  const ProgramResult result = program.Wait();
  EXPECT_EQ(result.status, 130) << result.err;
  EXPECT_THAT(result.err, HasSubstr("stopped; what was committed stays"));
  EXPECT_EQ(RunProgram({"verify"}, here).status, 0);
}

TEST(ProgramInput, StopsOnCtrlCWhileWaitingForInput) {
  const TempFolder folder;
  const std::string fifo = (folder.path() / "input").string();
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  const int writer = open(fifo.c_str(), O_RDWR | O_CLOEXEC);  // Keeps it open; nobody writes.
  ASSERT_GE(writer, 0);
  Program program({"tokenize"}, {.input_file = fifo});
  std::this_thread::sleep_for(std::chrono::seconds(2));
  program.Kill(SIGINT);
  EXPECT_EQ(program.Wait().status, 130);
  close(writer);
}

}  // namespace
}  // namespace fovea
