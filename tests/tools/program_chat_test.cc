// The built program's conversation: through a pipe, and at a terminal.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <termios.h>

#include "lib/base/file.h"
#include "tests/tools/program_corpus.h"

namespace fovea {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr const char* kLit = "When was the lamp lit?";
constexpr const char* kWho = "and by whom was it?";

class Chat : public Corpus {
 protected:
  static ProgramResult Talk(const std::string& input, Arguments options = {}) {
    options.insert(options.begin(), {"chat", "--mode", "extract", "--abstain", "never"});
    ProgramRun run = Here();
    run.input = input;
    return Ok(options, run);
  }
};

TEST_F(Chat, AnswersALineATurnAndSearchesAFollowUpWithWhatItLeansOn) {
  const std::string input = std::string(kLit) + "\n\n \t\n" + kWho + "\r\nWhat does a ticket cost?";
  const ProgramResult result = Talk(input, {"--json"});
  EXPECT_THAT(result.err, IsEmpty()) << "no prompt where nobody types";
  const std::vector<nlohmann::json> turns = result.JsonLines();
  ASSERT_THAT(turns, SizeIs(3));
  for (const nlohmann::json& turn : turns) {
    ExpectKeys(turn, {"question", "answer", "short_answer", "source", "abstained", "confidence",
                      "citations", "passages", "timings", "search", "turns_left_out"});
  }
  EXPECT_EQ(turns[0]["search"]["query"], kLit);
  EXPECT_THAT(turns[0]["search"]["context"], IsEmpty());
  EXPECT_EQ(turns[1]["question"], kWho);
  EXPECT_EQ(turns[1]["search"]["query"], std::string(kLit) + " " + kWho);
  EXPECT_EQ(turns[1]["search"]["context"][0]["turn"], 1);
  EXPECT_EQ(turns[1]["search"]["context"][0]["text"], kLit);
  EXPECT_THAT(turns[1]["citations"][0]["document"], "docs/lamp.md");
  EXPECT_EQ(turns[2]["search"]["query"], "What does a ticket cost?");
  EXPECT_THAT(turns[2]["citations"][0]["document"], "docs/ferry.txt");
}

TEST_F(Chat, ShowsCitationsAfterTheAnswerAndSourcesWhenAsked) {
  const ProgramResult plain = Talk(std::string(kLit) + "\n");
  EXPECT_THAT(plain.out, HasSubstr("1821"));
  EXPECT_THAT(plain.out, HasSubstr("[1] docs/lamp.md:"));
  const ProgramResult sources =
      Talk("/sources\n" + std::string(kLit) + "\n/sources\n/quit\n/help\n");
  EXPECT_THAT(sources.err, HasSubstr("no answer yet"));
  EXPECT_THAT(sources.err, Not(HasSubstr("/save FILE"))) << "/quit ends";
  ASSERT_THAT(sources.out, ::testing::StartsWith(plain.out));
  const std::string listed = sources.out.substr(plain.out.size());
  EXPECT_THAT(listed, HasSubstr("[1] docs/lamp.md:"));
  EXPECT_THAT(listed, HasSubstr(" %  docs/lamp.md:"));
  EXPECT_THAT(listed, HasSubstr("burns whale oil")) << "the passage's text";
  const auto json = Talk(std::string(kLit) + "\n/sources\n", {"--json"}).JsonLines();
  ASSERT_THAT(json, SizeIs(2));
  EXPECT_EQ(json[1]["citations"], json[0]["citations"]);
  EXPECT_EQ(json[1]["passages"], json[0]["passages"]);
}

TEST_F(Chat, ResetForgetsTheConversation) {
  const auto turns = Talk(std::string(kLit) + "\n/reset\n" + kWho + "\n", {"--json"}).JsonLines();
  ASSERT_THAT(turns, SizeIs(2));
  EXPECT_EQ(turns[1]["search"]["query"], kWho);
}

TEST_F(Chat, SaysWhatItDoesNotUnderstandAndGoesOn) {
  const std::string long_line(20000, 'x');
  const ProgramResult result = Talk(
      "/fly away\n/save\n" + long_line + "\n\xff\xfe caf\xE9?\n/help\n" + kLit + "\n", {"--json"});
  EXPECT_THAT(result.err, HasSubstr("unknown command /fly"));
  EXPECT_THAT(result.err, HasSubstr("say which file"));
  EXPECT_THAT(result.err, HasSubstr("longer than 16384 bytes"));
  EXPECT_THAT(result.err, HasSubstr("/sources"));
  const auto turns = result.JsonLines();
  ASSERT_THAT(turns, SizeIs(2));
  EXPECT_EQ(turns[0]["question"], "\\xFF\\xFE caf\\xE9?");
  EXPECT_EQ(turns[1]["question"], kLit);
}

TEST_F(Chat, ATranscriptGrowsAndIsTakenUpAgain) {
  const auto file = folder_->path() / "t.jsonl";
  std::filesystem::remove(file);
  const Arguments options = {"--json", "--transcript", file.string()};
  const auto first = Talk(std::string(kLit) + "\n", options).JsonLines();
  const ProgramResult later =
      Talk("/sources\n" + std::string(kWho) + "\n/save saved.jsonl\n/save saved.jsonl\n", options);
  const auto second = later.JsonLines();
  ASSERT_THAT(second, SizeIs(2));
  EXPECT_EQ(second[0]["citations"], first[0]["citations"]);
  EXPECT_EQ(second[1]["search"]["query"], std::string(kLit) + " " + kWho);
  EXPECT_THAT(later.err, HasSubstr("saved to saved.jsonl"));
  EXPECT_THAT(later.err, HasSubstr("saved.jsonl is there already"));
  std::filesystem::rename(folder_->path() / "saved.jsonl", file);
  const auto third = Talk(std::string(kWho) + "\n", options).JsonLines();
  EXPECT_THAT(third.at(0)["search"]["context"], Not(IsEmpty()));

  folder_->Write("notes.txt", "my notes\n");
  const ProgramResult refused = RunProgram({"chat", "--transcript", "notes.txt"}, Here());
  EXPECT_EQ(refused.status, 1);
  EXPECT_THAT(refused.err, HasSubstr("notes.txt:1"));
  EXPECT_EQ(ReadFile(folder_->path() / "notes.txt"), "my notes\n");
}

TEST_F(Chat, GoesTheSameWayForAnyNumberOfThreads) {
  std::vector<std::string> outputs;
  ProgramRun run = Here();
  run.input = std::string(kLit) + "\n" + kWho + "\nWhat does a ticket cost?\n";
  for (const char* threads : {"1", "2"})
    outputs.push_back(Ok({"chat", "--threads", threads}, run).out);
  EXPECT_EQ(outputs[0], outputs[1]);
}

TEST_F(Chat, EvalConversationsScoresEachTurn) {
  folder_->Write(
      "c.jsonl",
      "{\"id\":\"1\",\"split\":\"a\",\"turns\":[{\"question\":\"When was the lamp lit?\","
      "\"document\":\"lamp.md\"},{\"question\":\"and by whom was it?\",\"document\":"
      "\"lamp.md\",\"answer\":\"Ada Fenn\"}]}\n"
      "{\"id\":\"2\",\"split\":\"b\",\"turns\":[{\"question\":\"What does a ticket cost?\","
      "\"document\":\"elsewhere/ferry.txt\"}]}\n");
  const Arguments eval = {"eval", "conversations", "c.jsonl", "--mode", "extract", "--json"};
  const nlohmann::json json = Ok(eval).Json();
  EXPECT_EQ(json["conversations"], 2);
  ASSERT_EQ(json["turns"].size(), 2u);
  for (const char* mode : {"hybrid", "read", "hybrid, alone"})
    EXPECT_EQ(json["turns"][0]["modes"][mode]["page@5"], 0.5) << mode;
  EXPECT_EQ(json["turns"][1]["questions"], 1);
  EXPECT_EQ(json["turns"][1]["with_context"], 1);
  EXPECT_EQ(json["turns"][1]["modes"]["hybrid"]["page@1"], 1.0);
  EXPECT_EQ(json["turns"][1]["contains"], 1.0);
  EXPECT_TRUE(json["turns"][0]["contains"].is_null()) << "no answers are given";

  Arguments split = eval;
  split.insert(split.end(), {"--split", "b"});
  EXPECT_EQ(Ok(split).Json()["conversations"], 1);
  split.back() = "c";
  EXPECT_EQ(RunProgram(split, Here()).status, 2);
  Arguments unrelated = eval;
  unrelated.push_back("--unrelated");
  const nlohmann::json after = Ok(unrelated).Json();
  EXPECT_EQ(after["details"][0]["turns"][0]["question"], "What does a ticket cost?");
  EXPECT_EQ(after["details"][0]["turns"][1]["query"], kLit) << "searched alone";
  EXPECT_THAT(Ok({"eval", "conversations", "c.jsonl", "--mode", "extract"}).out,
              HasSubstr("turn 2: 1 questions, 1 searched with context"));
}

// The program at a terminal of its own.
class AtTerminal {
 public:
  AtTerminal(const std::filesystem::path& folder, Arguments arguments) {
    child_ = forkpty(&terminal_, nullptr, nullptr, nullptr);
    if (child_ < 0) throw std::runtime_error("forkpty");
    if (child_ == 0) {
      if (chdir(folder.c_str()) != 0) _exit(125);
      arguments.insert(arguments.begin(), FOVEA_BINARY_DIR "/tools/fovea");
      std::vector<char*> argv;
      for (std::string& word : arguments) argv.push_back(word.data());
      argv.push_back(nullptr);
      execv(argv[0], argv.data());
      _exit(126);
    }
    tcgetattr(terminal_, &before_);
  }
  ~AtTerminal() { close(terminal_); }

  void Type(const std::string& text) const {
    ASSERT_EQ(write(terminal_, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }

  // Reads until `text` has appeared `times` times in all, or the program has ended.
  void WaitFor(const std::string& text, int times = 1) {
    while (Count(text) < times && Read()) {
    }
    EXPECT_GE(Count(text), times) << text << " in:\n" << shown_;
  }

  // Reads to the end; its exit status.
  int Wait() {
    while (Read()) {
    }
    int status = 0;
    waitpid(child_, &status, 0);
    termios after{};
    if (tcgetattr(terminal_, &after) == 0) {
      EXPECT_EQ(after.c_lflag, before_.c_lflag) << "the terminal's modes are as they were";
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

  const std::string& shown() const { return shown_; }

 private:
  int Count(const std::string& text) const {
    int count = 0;
    for (std::size_t at = shown_.find(text); at != std::string::npos;
         at = shown_.find(text, at + text.size()))
      ++count;
    return count;
  }
  bool Read() {
    char buffer[4096];
    const ssize_t count = read(terminal_, buffer, sizeof buffer);
    if (count <= 0) return false;
    shown_.append(buffer, static_cast<std::size_t>(count));
    return true;
  }

  int terminal_ = -1;
  pid_t child_ = -1;
  termios before_{};
  std::string shown_;
};

TEST_F(Chat, AtATerminalCtrlCStopsTheAnswerAndTheConversationGoesOn) {
  // Hot enough never to end its turn: minutes of writing, were it not stopped.
  AtTerminal chat(folder_->path(),
                  {"chat", "--abstain", "never", "--temperature", "100", "--max-tokens", "7000"});
  chat.WaitFor("> ");
  chat.Type(std::string(kLit) + "\n");
  std::this_thread::sleep_for(std::chrono::seconds(2));  // It is being answered, not typed, now.
  chat.Type("\x03");
  chat.WaitFor("stopped; ask on");
  chat.WaitFor("> ", 2);
  chat.Type("/sources\n");
  chat.WaitFor("no answer yet");
  chat.Type("/quit\n");
  EXPECT_EQ(chat.Wait(), 0);
}

TEST_F(Chat, AtThePromptCtrlDEndsItAndCtrlCStopsIt) {
  for (const auto& [key, status] : {std::pair{"\x04", 0}, std::pair{"\x03", 130}}) {
    AtTerminal chat(folder_->path(), {"chat"});
    chat.WaitFor("> ");
    chat.Type(key);
    EXPECT_EQ(chat.Wait(), status);
    EXPECT_THAT(chat.shown(), ::testing::EndsWith("\n")) << "the shell's prompt has its own line";
  }
}

TEST_F(Chat, WithoutATerminalASignalEndsItWithItsStatus) {
  int input[2];
  ASSERT_EQ(pipe(input), 0);
  ProgramRun run = Here();
  run.input_file = "/dev/fd/" + std::to_string(input[0]);
  Program chat({"chat", "--log-level", "info"}, run);
  std::this_thread::sleep_for(std::chrono::seconds(2));
  chat.Kill(SIGINT);
  EXPECT_EQ(chat.Wait().status, 130);
  close(input[0]);
  close(input[1]);
}

}  // namespace
}  // namespace fovea
