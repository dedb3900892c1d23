#include "tools/blas_threads.h"

#include <dlfcn.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <iterator>
#include <vector>

namespace fovea::tools {
namespace {

// Fortran's matrix product, as FAISS calls it.
using Gemm = void (*)(const char*, const char*, const int*, const int*, const int*, const float*,
                      const float*, const int*, const float*, const int*, const float*, float*,
                      const int*);

std::ptrdiff_t Threads() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/task"), {});
}

TEST(BlasThreads, AreGoneAndTheBlasStillWorks) {
  StopIdleBlasThreads();
  StopIdleBlasThreads();
  EXPECT_EQ(Threads(), 1);
  const auto gemm = reinterpret_cast<Gemm>(dlsym(RTLD_DEFAULT, "sgemm_"));
  ASSERT_NE(gemm, nullptr);
  constexpr int kSize = 512;
  const std::vector<float> a(kSize * kSize, 1), b(kSize * kSize, 2);
  std::vector<float> c(kSize * kSize);
  const float one = 1, zero = 0;
  gemm("N", "N", &kSize, &kSize, &kSize, &one, a.data(), &kSize, b.data(), &kSize, &zero, c.data(),
       &kSize);
  EXPECT_EQ(c, std::vector<float>(kSize * kSize, 2 * kSize));
}

}  // namespace
}  // namespace fovea::tools
