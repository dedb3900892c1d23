// Wrong usage of the command line: exit status 2, with a pointer to --help.

#pragma once

#include <stdexcept>
#include <string>

namespace fovea::tools {

class UsageError : public std::runtime_error {
 public:
  explicit UsageError(const std::string& message) : std::runtime_error(message) {}
};

}  // namespace fovea::tools
