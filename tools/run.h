// The program without main(), so that tests can call it.

#pragma once

namespace fovea::tools {

// Runs one command line; never throws. Returns the exit status.
int Run(int argc, char** argv);

}  // namespace fovea::tools
