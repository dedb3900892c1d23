#include "tools/blas_threads.h"

#include <dlfcn.h>

namespace fovea::tools {

void StopIdleBlasThreads() {
  using Shutdown = int (*)();
  const auto shutdown = reinterpret_cast<Shutdown>(dlsym(RTLD_DEFAULT, "blas_thread_shutdown_"));
  if (shutdown != nullptr) shutdown();
}

}  // namespace fovea::tools
