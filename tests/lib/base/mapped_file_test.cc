#include "lib/base/mapped_file.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "tests/support/expect_error.h"
#include "tests/support/temp_folder.h"

namespace fovea {
namespace {

TEST(MappedFile, ShowsTheBytesOfTheFile) {
  const TempFolder folder;
  std::string bytes;
  for (int i = 0; i < 10000; ++i) bytes += static_cast<char>(i * 13);
  const auto path = folder.Write("file", bytes);
  const MappedFile file(path);
  EXPECT_EQ(file.text(), bytes);
  EXPECT_EQ(file.bytes().size(), bytes.size());
  EXPECT_EQ(file.path(), path);
}

TEST(MappedFile, MapsAnEmptyFileToAnEmptySpan) {
  const TempFolder folder;
  EXPECT_TRUE(MappedFile(folder.Write("empty", "")).bytes().empty());
}

TEST(MappedFile, KeepsWhatItMappedWhenTheFileIsReplacedOrRemoved) {
  const TempFolder folder;
  const auto path = folder.Write("file", "old");
  const MappedFile file(path);
  std::filesystem::rename(folder.Write("other", "new"), path);
  EXPECT_EQ(file.text(), "old");
  std::filesystem::remove(path);
  EXPECT_EQ(file.text(), "old");
}

TEST(MappedFile, MovesWithItsBytes) {
  const TempFolder folder;
  MappedFile first(folder.Write("first", "one"));
  MappedFile second(folder.Write("second", "two"));
  const std::byte* address = first.bytes().data();
  second = std::move(first);
  EXPECT_EQ(second.text(), "one");
  EXPECT_EQ(second.bytes().data(), address);
  const MappedFile third(std::move(second));
  EXPECT_EQ(third.text(), "one");
}

TEST(MappedFile, NamesWhatCannotBeMapped) {
  const TempFolder folder;
  EXPECT_ERROR(MappedFile(folder.path() / "none"), ErrorCode::kNotFound, "none");
  EXPECT_ERROR(MappedFile(folder.path()), ErrorCode::kIo, folder.path().string());
  EXPECT_ERROR(MappedFile("/dev/null"), ErrorCode::kIo, "/dev/null");
}

}  // namespace
}  // namespace fovea
