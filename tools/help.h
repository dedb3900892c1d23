// What --help and --version print.

#pragma once

#include <string>

#include "tools/command.h"

namespace fovea::tools {

std::string ProgramHelp();
std::string CommandHelp(const CommandEntry& entry);
std::string VersionText();

}  // namespace fovea::tools
