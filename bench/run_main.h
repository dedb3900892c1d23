// What the main of every bench does.

#pragma once

#include <cstdio>
#include <exception>

namespace fovea {

// Runs `body` and gives the exit status: 2, with `usage`, where the arguments do not fit; 1 where
// it throws, with what it says.
template <typename Body>
int RunMain(bool arguments_fit, const char* usage, const Body& body) {
  if (!arguments_fit) {
    std::fprintf(stderr, "usage: %s\n", usage);
    return 2;
  }
  try {
    body();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}

}  // namespace fovea
