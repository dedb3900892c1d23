// The threads of OpenBLAS, which FAISS stands on.

#pragma once

namespace fovea::tools {

// OpenBLAS starts a thread a core when it is loaded, and they spin for a tenth of a second: cores
// that loading models and a first search want. This ends them; OpenBLAS itself does so at every
// fork, and starts them again when there is work. Does nothing with another BLAS.
void StopIdleBlasThreads();

}  // namespace fovea::tools
