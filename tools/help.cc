#include "tools/help.h"

#include "tools/terminal.h"

#ifndef FOVEA_VERSION
#error "tools/CMakeLists.txt defines FOVEA_VERSION"
#endif

namespace fovea::tools {
namespace {

std::string Paragraph(std::string_view text) {
  std::string out;
  for (const std::string& line : WrapText(text, 80)) out += line + "\n";
  return out;
}

}  // namespace

std::string VersionText() { return "fovea " FOVEA_VERSION "\n"; }

std::string ProgramHelp() {
  std::string text =
      "fovea answers questions from your own documents, with citations, on a plain CPU.\n\n"
      "usage: fovea COMMAND [OPTION…] [ARGUMENT…]\n\n";
  for (const CommandEntry& entry : Commands()) {
    std::string left = "  " + std::string(entry.name);
    left.resize(22, ' ');
    text += left + std::string(entry.summary) + "\n";
  }
  CommonOptions common;
  OptionTable table;
  common.Declare(table);
  return text + "\nCommon options, before or after the command:\n" + table.Help() +
         "\nfovea COMMAND --help describes a command; fovea --version prints the version.\n"
         "Exit status: 0 done, 1 failed, 2 wrong usage, 130 stopped by Ctrl-C.\n";
}

std::string CommandHelp(const CommandEntry& entry) {
  std::string text = "usage: fovea " + std::string(entry.name) + " [OPTION…] " +
                     std::string(entry.arguments) + "\n\n" + Paragraph(entry.summary);
  if (!entry.details.empty()) text += "\n" + Paragraph(entry.details);
  OptionTable own;
  const std::unique_ptr<Command> command = entry.make();
  command->Declare(own);
  if (const std::string options = own.Help(); !options.empty()) text += "\nOptions:\n" + options;
  CommonOptions common;
  OptionTable table;
  common.Declare(table);
  return text + "\nCommon options:\n" + table.Help();
}

}  // namespace fovea::tools
