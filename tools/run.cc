#include "tools/run.h"

#include <unistd.h>

#include <algorithm>
#include <exception>
#include <new>
#include <string>
#include <vector>

#include "lib/base/error.h"
#include "tools/command.h"
#include "tools/exit_status.h"
#include "tools/help.h"
#include "tools/interrupt.h"
#include "tools/output.h"
#include "tools/session.h"
#include "tools/terminal.h"
#include "tools/usage_error.h"

namespace fovea::tools {
namespace {

struct Invocation {
  const CommandEntry* command = nullptr;  // null: none given
  std::vector<std::string> options;       // everything else, in the order given
};

const CommandEntry* FindCommand(std::string_view name) {
  for (const CommandEntry& entry : Commands()) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

// Second words of commands like "eval qa" whose first word is `word`.
std::string SecondWords(std::string_view word) {
  std::string words;
  for (const CommandEntry& entry : Commands()) {
    if (entry.name.starts_with(std::string(word) + " ")) {
      words += (words.empty() ? "" : ", ") + std::string(entry.name.substr(word.size() + 1));
    }
  }
  return words;
}

// The first argument from `at` on that is neither an option nor an option's value.
std::size_t NextWord(const std::vector<std::string>& arguments, std::size_t at,
                     const OptionTable& common) {
  while (at < arguments.size() && arguments[at].size() > 1 && arguments[at][0] == '-' &&
         arguments[at] != "--") {
    at += common.TakesValue(arguments[at]) ? 2 : 1;
  }
  return at;
}

bool AsksForHelp(const std::vector<std::string>& arguments) {
  for (const std::string& argument : arguments) {
    if (argument == "--") return false;
    if (argument == "--help" || argument == "-h") return true;
  }
  return false;
}

Invocation Split(std::vector<std::string> arguments, const OptionTable& common) {
  Invocation invocation;
  const std::size_t first = NextWord(arguments, 0, common);
  if (first >= arguments.size()) {
    invocation.options = std::move(arguments);
    return invocation;
  }
  std::string name = arguments[first];
  arguments.erase(arguments.begin() + static_cast<std::ptrdiff_t>(first));
  if (const std::string seconds = SecondWords(name); !seconds.empty()) {
    const std::size_t second = NextWord(arguments, first, common);
    if (second < arguments.size()) {
      name += " " + arguments[second];
      arguments.erase(arguments.begin() + static_cast<std::ptrdiff_t>(second));
    } else if (!AsksForHelp(arguments)) {
      throw UsageError(name + ": say what to " + name + ": " + seconds);
    } else {
      return invocation;
    }
  }
  invocation.command = FindCommand(name);
  if (invocation.command == nullptr) throw UsageError("unknown command \"" + name + "\"");
  invocation.options = std::move(arguments);
  return invocation;
}

std::string SectionOf(std::string_view command) {
  std::string section(command);
  std::replace(section.begin(), section.end(), ' ', '-');
  return section;
}

// A name that no command knows is a mistake, not something for another command.
void CheckConfigNames(const ConfigEntries& config) {
  for (const auto& [key, value] : config.values) {
    const std::size_t dot = key.rfind('.');
    const std::string section = dot == std::string::npos ? "" : key.substr(0, dot);
    const std::string name = dot == std::string::npos ? key : key.substr(dot + 1);
    bool known = false;
    for (const CommandEntry& entry : Commands()) {
      if (!section.empty() && section != SectionOf(entry.name)) continue;
      CommonOptions common;
      OptionTable table;
      common.Declare(table);
      const std::unique_ptr<Command> command = entry.make();
      command->Declare(table);
      known = known || table.Has(name);
    }
    if (!known || name == "config")
      throw UsageError(config.file + ": unknown option \"" + key + "\"");
  }
}

// --config has to be known before the options are parsed.
std::string ConfigFileOf(const std::vector<std::string>& arguments) {
  for (std::size_t i = 0; i < arguments.size() && arguments[i] != "--"; ++i) {
    if (arguments[i].starts_with("--config=")) return arguments[i].substr(9);
    if (arguments[i] == "--config" && i + 1 < arguments.size()) return arguments[i + 1];
  }
  return "";
}

int RunCommand(const CommandEntry& entry, const std::vector<std::string>& arguments,
               Interrupt& interrupt) {
  CommonOptions common;
  const std::unique_ptr<Command> command = entry.make();
  OptionTable table;
  command->Declare(table);
  common.Declare(table);
  ConfigEntries config;
  if (const std::string file = ConfigFileOf(arguments); !file.empty()) {
    config = ReadConfigFile(file);
    CheckConfigNames(config);
  }
  table.Parse(arguments, config, SectionOf(entry.name));
  Session session(common, interrupt);
  const int status = command->Run(session);
  session.ClearProgress();
  session.out().Flush();
  return status;
}

void Complain(const std::string& message) {
  const std::string text = "fovea: " + ForTerminal(message) + "\n";
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, text.data(), text.size());
}

int Print(const std::string& text) {
  Output out(STDOUT_FILENO);
  out.Write(text);
  out.Flush();
  return kDone;
}

int Dispatch(const std::vector<std::string>& arguments, std::string& command_name,
             Interrupt& interrupt) {
  CommonOptions common;
  OptionTable common_table;
  common.Declare(common_table);
  const Invocation invocation = Split(arguments, common_table);
  if (invocation.command != nullptr) command_name = invocation.command->name;
  if (AsksForHelp(arguments)) {
    return Print(invocation.command != nullptr ? CommandHelp(*invocation.command) : ProgramHelp());
  }
  if (invocation.command == nullptr) {
    if (std::find(arguments.begin(), arguments.end(), "--version") != arguments.end())
      return Print(VersionText());
    common_table.Parse(invocation.options, {}, "");
    throw UsageError("give a command");
  }
  return RunCommand(*invocation.command, invocation.options, interrupt);
}

int StatusOf(const Error& error, const Interrupt& interrupt) {
  if (error.code() == ErrorCode::kCancelled && interrupt.signal_received() != 0) {
    Complain("stopped; what was committed stays");
    return 128 + interrupt.signal_received();
  }
  Complain(error.what());
  return kFailed;
}

}  // namespace

int Run(int argc, char** argv) {
  std::string command_name;
  try {
    Interrupt interrupt;
    try {
      return Dispatch(std::vector<std::string>(argv + std::min(argc, 1), argv + argc), command_name,
                      interrupt);
    } catch (const UsageError& error) {
      Complain(error.what());
      Complain("see fovea " + (command_name.empty() ? "" : command_name + " ") + "--help");
      return kUsage;
    } catch (const OutputError& error) {
      if (!error.closed) Complain(error.what());
      return kFailed;
    } catch (const Error& error) {
      return StatusOf(error, interrupt);
    }
  } catch (const std::bad_alloc&) {
    Complain("out of memory");
  } catch (const std::exception& error) {
    Complain(error.what());
  }
  return kFailed;
}

}  // namespace fovea::tools
