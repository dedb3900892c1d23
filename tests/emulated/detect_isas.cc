// Takes the place of lib/kernels/detect_isas.cc where SIMDe stands in for AVX-512.

#include "lib/kernels/kernel_table.h"

namespace fovea {

std::vector<Isa> DetectIsas() { return {Isa::kScalar, Isa::kAvx512, Isa::kAvx512Vnni}; }

}  // namespace fovea
