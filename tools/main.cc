#include "tools/blas_threads.h"
#include "tools/run.h"

int main(int argc, char** argv) {
  fovea::tools::StopIdleBlasThreads();
  return fovea::tools::Run(argc, argv);
}
