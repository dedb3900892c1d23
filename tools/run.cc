#include "tools/run.h"

#include "tools/exit_status.h"

namespace fovea::tools {

int Run(int, char**) { return kUsage; }

}  // namespace fovea::tools
