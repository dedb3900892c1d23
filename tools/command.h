// A command of the program: its options and what it does.

#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "tools/option_table.h"
#include "tools/session.h"

namespace fovea::tools {

class Command {
 public:
  virtual ~Command() = default;

  // Binds the command's own options; called once, before Run.
  virtual void Declare(OptionTable& table) = 0;
  // Does the work and returns the exit status. May throw Error, UsageError, OutputError.
  virtual int Run(Session& session) = 0;
};

struct CommandEntry {
  std::string_view name;       // "index", "eval qa"
  std::string_view arguments;  // "PATH…", for the usage line
  std::string_view summary;    // one line for `fovea --help`
  std::string_view details;    // for `fovea COMMAND --help`, may be ""
  std::unique_ptr<Command> (*make)();
};

// All of them, in the order of the help.
const std::vector<CommandEntry>& Commands();

std::unique_ptr<Command> MakeIndexCommand();
std::unique_ptr<Command> MakeRemoveCommand();
std::unique_ptr<Command> MakeStatusCommand();
std::unique_ptr<Command> MakeVerifyCommand();
std::unique_ptr<Command> MakeShowCommand();
std::unique_ptr<Command> MakeSearchCommand();
std::unique_ptr<Command> MakeAskCommand();
std::unique_ptr<Command> MakeChatCommand();
std::unique_ptr<Command> MakeReadCommand();
std::unique_ptr<Command> MakeEmbedCommand();
std::unique_ptr<Command> MakeTokenizeCommand();
std::unique_ptr<Command> MakeGenerateCommand();
std::unique_ptr<Command> MakeEvalRetrievalCommand();
std::unique_ptr<Command> MakeEvalQaCommand();
std::unique_ptr<Command> MakeEvalQuestionsCommand();
std::unique_ptr<Command> MakeEvalConversationsCommand();
std::unique_ptr<Command> MakeTrainReaderCommand();
std::unique_ptr<Command> MakeBenchCommand();

}  // namespace fovea::tools
