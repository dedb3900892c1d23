#include "lib/kernels/isa.h"

#include <atomic>
#include <cstdlib>
#include <string>

#include "lib/base/error.h"
#include "lib/kernels/kernel_table.h"

namespace fovea {
namespace {

constexpr int kUndecided = -1;
std::atomic<int> current{kUndecided};

std::string Names(const std::vector<Isa>& isas) {
  std::string names;
  for (Isa isa : isas) {
    if (!names.empty()) names += ", ";
    names += Name(isa);
  }
  return names;
}

}  // namespace

std::string_view Name(Isa isa) {
  switch (isa) {
    case Isa::kScalar:
      return "scalar";
    case Isa::kAvx2:
      return "avx2";
    case Isa::kAvx512:
      return "avx512";
    case Isa::kAvx512Vnni:
      return "avx512_vnni";
  }
  return "unknown";
}

const std::vector<Isa>& AvailableIsas() {
  static const std::vector<Isa> isas = DetectIsas();
  return isas;
}

Isa ChooseIsa(const char* name, const std::vector<Isa>& available) {
  if (name == nullptr || *name == '\0') return available.back();
  for (Isa isa : available) {
    if (Name(isa) == name) return isa;
  }
  for (Isa isa : {Isa::kScalar, Isa::kAvx2, Isa::kAvx512, Isa::kAvx512Vnni}) {
    if (Name(isa) == name) {
      throw Error(ErrorCode::kInvalidArgument,
                  "FOVEA_ISA=" + std::string(name) + ": this CPU lacks it; it has " +
                      Names(available) + ". Set one of these or unset FOVEA_ISA");
    }
  }
  throw Error(ErrorCode::kInvalidArgument,
              "FOVEA_ISA=" + std::string(name) + ": unknown instruction set; this CPU has " +
                  Names(available) + ". Set one of these or unset FOVEA_ISA");
}

Isa CurrentIsa() {
  const int known = current.load(std::memory_order_acquire);
  if (known != kUndecided) return static_cast<Isa>(known);
  const Isa chosen = ChooseIsa(std::getenv("FOVEA_ISA"), AvailableIsas());
  int expected = kUndecided;
  current.compare_exchange_strong(expected, static_cast<int>(chosen));
  return expected == kUndecided ? chosen : static_cast<Isa>(expected);
}

ScopedIsa::ScopedIsa(Isa isa) : previous_(CurrentIsa()) {
  current.store(static_cast<int>(ChooseIsa(std::string(Name(isa)).c_str(), AvailableIsas())),
                std::memory_order_release);
}

ScopedIsa::~ScopedIsa() { current.store(static_cast<int>(previous_), std::memory_order_release); }

const KernelTable& CurrentKernels() {
  switch (CurrentIsa()) {
#if defined(__x86_64__)
    case Isa::kAvx512Vnni:
    case Isa::kAvx512:
      return Avx512Kernels();
    case Isa::kAvx2:
      return Avx2Kernels();
#endif
    default:
      return ScalarKernels();
  }
}

}  // namespace fovea
