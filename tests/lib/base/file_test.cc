#include "lib/base/file.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/expect_error.h"
#include "tests/support/temp_folder.h"

namespace fovea {
namespace {

std::string Contents(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

int Entries(const std::filesystem::path& folder) {
  const std::filesystem::directory_iterator begin(folder);
  return static_cast<int>(std::distance(begin, std::filesystem::directory_iterator()));
}

struct HookGuard {
  explicit HookGuard(std::function<void(std::string_view)> hook) { SetFaultHook(std::move(hook)); }
  ~HookGuard() { SetFaultHook({}); }
};

TEST(ReadFile, GivesEveryByte) {
  const TempFolder folder;
  std::string bytes;
  for (int i = 0; i < 300000; ++i) bytes += static_cast<char>(i * 31);
  EXPECT_EQ(ReadFile(folder.Write("big", bytes)), bytes);
  EXPECT_EQ(ReadFile(folder.Write("empty", "")), "");
  EXPECT_EQ(ReadFile(folder.Write("nul", std::string_view("\0a\0", 3))), std::string("\0a\0", 3));
}

TEST(ReadFile, ReadsFilesThatTellNoSize) { EXPECT_FALSE(ReadFile("/proc/self/status").empty()); }

TEST(ReadFile, HoldsTheLimitToTheByte) {
  const TempFolder folder;
  const auto path = folder.Write("five", "12345");
  EXPECT_EQ(ReadFile(path, 5), "12345");
  EXPECT_ERROR(ReadFile(path, 4), ErrorCode::kInvalidArgument, "larger than the limit of 4 bytes");
  EXPECT_ERROR(ReadFile("/dev/zero", 1000), ErrorCode::kInvalidArgument, "/dev/zero");
}

TEST(ReadFile, NamesTheFileThatIsMissingOrAFolder) {
  const TempFolder folder;
  EXPECT_ERROR(ReadFile(folder.path() / "nothing"), ErrorCode::kNotFound,
               (folder.path() / "nothing").string());
  EXPECT_ERROR(ReadFile(folder.path()), ErrorCode::kIo, folder.path().string());
}

TEST(WriteFileAtomically, WritesAndReplaces) {
  const TempFolder folder;
  const auto path = folder.path() / "file";
  WriteFileAtomically(path, std::string_view("one"));
  EXPECT_EQ(Contents(path), "one");
  WriteFileAtomically(path, std::string_view("\0two\xff", 5));
  EXPECT_EQ(Contents(path), std::string("\0two\xff", 5));
  WriteFileAtomically(path, std::string_view());
  EXPECT_EQ(Contents(path), "");
  EXPECT_EQ(Entries(folder.path()), 1);
}

TEST(WriteFileAtomically, SaysWhyItCannot) {
  const TempFolder folder;
  const auto missing = folder.path() / "no" / "file";
  EXPECT_ERROR(WriteFileAtomically(missing, std::string_view("x")), ErrorCode::kNotFound,
               missing.string() + ": cannot be written");
  const auto place = folder.path() / "folder";
  std::filesystem::create_directory(place);
  folder.Write("folder/inside", "x");
  EXPECT_ERROR(WriteFileAtomically(place, std::string_view("x")), ErrorCode::kIo, place.string());
  EXPECT_EQ(Entries(folder.path()), 1) << "the temporary file must be gone";
}

TEST(WriteFileAtomically, LeavesTheOldFileWhereAStepBeforeTheRenameFails) {
  const TempFolder folder;
  const auto path = folder.Write("file", "old");
  for (const std::string fatal : {"fsync:before", "fsync:after", "rename:before"}) {
    const HookGuard guard([&](std::string_view step) {
      if (step == fatal) throw std::runtime_error("stopped");
    });
    EXPECT_THROW(WriteFileAtomically(path, std::string_view("new")), std::runtime_error) << fatal;
    EXPECT_EQ(Contents(path), "old") << fatal;
    EXPECT_EQ(Entries(folder.path()), 1) << fatal;
  }
}

TEST(WriteFileAtomically, HasTheNewFileInPlaceAfterTheRename) {
  const TempFolder folder;
  const auto path = folder.Write("file", "old");
  const HookGuard guard([](std::string_view step) {
    if (step == "rename:after") throw std::runtime_error("stopped");
  });
  EXPECT_THROW(WriteFileAtomically(path, std::string_view("new")), std::runtime_error);
  EXPECT_EQ(Contents(path), "new");
}

TEST(WriteFileAtomically, PassesItsFaultPointsInOrder) {
  const TempFolder folder;
  std::vector<std::string> steps;
  const HookGuard guard([&](std::string_view step) { steps.emplace_back(step); });
  WriteFileAtomically(folder.path() / "file", std::string_view("x"));
  EXPECT_EQ(steps, (std::vector<std::string>{"fsync:before", "fsync:after", "rename:before",
                                             "rename:after"}));
}

TEST(WriteFileAtomically, ThreadsMayWriteTheSameFile) {
  const TempFolder folder;
  const auto path = folder.path() / "file";
  std::vector<std::thread> threads;
  for (const char c : {'a', 'b', 'c'}) {
    threads.emplace_back([&path, c] {
      for (int i = 0; i < 50; ++i) WriteFileAtomically(path, std::string(20'000, c));
    });
  }
  for (std::thread& thread : threads) thread.join();
  const std::string contents = Contents(path);
  EXPECT_EQ(contents, std::string(20'000, contents.at(0)));
  EXPECT_EQ(Entries(folder.path()), 1);
}

TEST(PublishFile, MovesAFileIntoPlace) {
  const TempFolder folder;
  const auto temporary = folder.Write("file.tmp", "new");
  const auto path = folder.Write("file", "old");
  PublishFile(temporary, path);
  EXPECT_EQ(Contents(path), "new");
  EXPECT_FALSE(std::filesystem::exists(temporary));
  EXPECT_ERROR(PublishFile(folder.path() / "none", path), ErrorCode::kNotFound, "none");
}

}  // namespace
}  // namespace fovea
