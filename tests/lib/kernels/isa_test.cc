#include "lib/kernels/isa.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "lib/kernels/kernel_table.h"
#include "tests/support/expect_error.h"

namespace fovea {
namespace {

TEST(Isa, ScalarIsAlwaysThereAndFirst) { EXPECT_EQ(AvailableIsas().front(), Isa::kScalar); }

TEST(Isa, TheBestOneIsTakenUnlessOneIsNamed) {
  const std::vector<Isa> isas = {Isa::kScalar, Isa::kAvx2};
  EXPECT_EQ(ChooseIsa(nullptr, isas), Isa::kAvx2);
  EXPECT_EQ(ChooseIsa("", isas), Isa::kAvx2);
  EXPECT_EQ(ChooseIsa("scalar", isas), Isa::kScalar);
}

TEST(Isa, OneThatIsUnknownOrMissingIsRefusedWithTheListOfThoseThere) {
  const std::vector<Isa> isas = {Isa::kScalar, Isa::kAvx2};
  EXPECT_ERROR(ChooseIsa("avx512", isas), ErrorCode::kInvalidArgument, "scalar, avx2");
  EXPECT_ERROR(ChooseIsa("sse9", isas), ErrorCode::kInvalidArgument, "unknown instruction set");
}

// The choice is made once a process, so a fresh one is asked.
TEST(IsaDeathTest, TheEnvironmentVariableForcesOne) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        setenv("FOVEA_ISA", "scalar", 1);
        std::exit(CurrentIsa() == Isa::kScalar && &CurrentKernels() == &ScalarKernels() ? 7 : 1);
      },
      testing::ExitedWithCode(7), "");
  EXPECT_EXIT(
      {
        setenv("FOVEA_ISA", "nonsense", 1);
        try {
          CurrentIsa();
        } catch (const Error&) {
          std::exit(8);
        }
      },
      testing::ExitedWithCode(8), "");
}

TEST(Isa, EachHasItsOwnKernelsAndTheScopeEnds) {
  const Isa before = CurrentIsa();
  for (Isa isa : AvailableIsas()) {
    const ScopedIsa forced(isa);
    EXPECT_EQ(CurrentIsa(), isa);
    EXPECT_EQ(&CurrentKernels() == &ScalarKernels(), isa == Isa::kScalar) << Name(isa);
  }
  EXPECT_EQ(CurrentIsa(), before);
}

}  // namespace
}  // namespace fovea
