#include "lib/nn/memory_limit.h"

#include <gtest/gtest.h>

#include "tests/support/expect_error.h"
#include "tests/support/temp_folder.h"

namespace fovea {
namespace {

TEST(MemoryLimit, AvailableIsTheLeastThatSystemAndControlGroupAllow) {
  const TempFolder folder;
  const auto meminfo = folder.Write("meminfo", "MemTotal:  8000 kB\nMemAvailable:    4000 kB\n");
  const auto none = folder.path() / "none";
  EXPECT_EQ(AvailableMemory(meminfo, none), 4000u * 1024);
  EXPECT_EQ(AvailableMemory(meminfo, folder.Write("limit", "1000000\n")), 1000000u);
  EXPECT_EQ(AvailableMemory(meminfo, folder.Write("limit", "max\n")), 4000u * 1024);
  EXPECT_EQ(AvailableMemory(folder.Write("other", "MemTotal: 1 kB\n"), none), std::nullopt);
  EXPECT_GT(AvailableMemory().value_or(1), 0u);
}

TEST(MemoryLimit, RefusalNamesTheFileAndBothSizes) {
  EXPECT_NO_THROW(CheckFitsInMemory("a.gguf", 10, 10));
  EXPECT_NO_THROW(CheckFitsInMemory("a.gguf", 10, std::nullopt));
  const auto refused = [] { CheckFitsInMemory("a.gguf", 7'000'000'000, 4'000'000'000); };
  EXPECT_ERROR(refused(), ErrorCode::kUnsupported, "a.gguf");
  EXPECT_ERROR(refused(), ErrorCode::kUnsupported, "7000 MB");
  EXPECT_ERROR(refused(), ErrorCode::kUnsupported, "4000 MB");
}

}  // namespace
}  // namespace fovea
