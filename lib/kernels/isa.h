// Which instruction set the kernels use: the best one the CPU has, or the one that FOVEA_ISA forces.

#pragma once

#include <string_view>
#include <vector>

namespace fovea {

enum class Isa { kScalar, kAvx2, kAvx512, kAvx512Vnni };

// "scalar", "avx2", "avx512", "avx512_vnni"
std::string_view Name(Isa isa);

// Those this CPU and operating system can run, kScalar first.
const std::vector<Isa>& AvailableIsas();

// The one in use: FOVEA_ISA if set, else the best available. Throws Error(kInvalidArgument) at first use if FOVEA_ISA names
// an unknown one or one that this CPU lacks; the message lists those it has.
Isa CurrentIsa();

// For tests: forces an ISA for the life of the object, process-wide. Not to be nested across threads.
class ScopedIsa {
 public:
  explicit ScopedIsa(Isa isa);
  ~ScopedIsa();
  ScopedIsa(const ScopedIsa&) = delete;
  ScopedIsa& operator=(const ScopedIsa&) = delete;

 private:
  Isa previous_;
};

}  // namespace fovea
