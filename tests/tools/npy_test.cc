#include "tools/npy.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>

#include "lib/base/file.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_folder.h"

namespace fovea::tools {
namespace {

TEST(Npy, HasTheHeaderOfFormatOnePointZero) {
  const std::string header = NpyHeader(3, 384);
  // numpy.lib.format: magic, version, little-endian length of what follows, a dict padded with
  // spaces to a multiple of 64, "\n".
  EXPECT_EQ(header.substr(0, 8), std::string("\x93NUMPY\x01\x00", 8));
  EXPECT_EQ(static_cast<unsigned char>(header[8]) + 256 * static_cast<unsigned char>(header[9]),
            header.size() - 10);
  EXPECT_EQ(header.size() % 64, 0u);
  EXPECT_TRUE(header.substr(10).starts_with(
      "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 384), } "));
  EXPECT_EQ(header.back(), '\n');
  EXPECT_EQ(NpyHeader(0, 1).size(), NpyHeader(99'999'999'999'999'999, 1'000'000).size());
}

TEST(Npy, HoldsTheRowsAfterTheHeader) {
  const TempFolder folder;
  const auto file = folder.path() / "a.npy";
  const std::array<float, 4> values = {1.5f, -2.0f, 3.25f, 1e-30f};
  NpyWriter writer(file, 2);
  writer.Append(std::span(values).first(2));
  writer.Append(std::span(values).last(2));
  EXPECT_FALSE(std::filesystem::exists(file)) << "published before it is complete";
  writer.Finish();
  const std::string bytes = ReadFile(file);
  EXPECT_EQ(bytes.substr(0, 128), NpyHeader(2, 2));
  ASSERT_EQ(bytes.size(), 128 + sizeof values);
  EXPECT_EQ(std::memcmp(bytes.data() + 128, values.data(), sizeof values), 0);
}

TEST(Npy, LeavesNothingBehindUnlessFinished) {
  const TempFolder folder;
  {
    NpyWriter writer(folder.path() / "a.npy", 1);
    const float value = 1;
    writer.Append({&value, 1});
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(Npy, RefusesWhatIsNoFile) {
  const TempFolder folder;
  EXPECT_ERROR(NpyWriter("/dev/null", 1), ErrorCode::kInvalidArgument, "/dev/null");
  EXPECT_ERROR(NpyWriter(folder.path() / "none" / "a.npy", 1), ErrorCode::kIo,
               "No such file or directory");
}

}  // namespace
}  // namespace fovea::tools
