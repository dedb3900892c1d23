#include "generator/prefix_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <csignal>
#include <map>
#include <random>
#include <thread>

#include "lib/base/file.h"
#include "tests/support/child_process.h"
#include "tests/support/temp_folder.h"

namespace fovea {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kPlenty = std::int64_t{1} << 30;

std::vector<std::byte> Data(std::size_t number, std::size_t size = 500) {
  std::mt19937 random(static_cast<std::uint32_t>(number));
  std::vector<std::byte> data(size);
  for (std::byte& byte : data) byte = static_cast<std::byte>(random());
  return data;
}

// Distinct for each number; half of them begin like the others.
std::vector<TokenId> Tokens(std::size_t number) {
  std::vector<TokenId> tokens(1 + number % 7, TokenId{5});
  tokens.push_back(TokenId{static_cast<std::int32_t>(number)});
  return tokens;
}

class PrefixFolderTest : public ::testing::Test {
 protected:
  PrefixFolder Open(std::int64_t max_bytes = kPlenty) {
    return PrefixFolder(path_, max_bytes, [this](LogLevel level, std::string_view line) {
      EXPECT_EQ(level, LogLevel::kWarning);
      log_ += line;
    });
  }
  static void Put(PrefixFolder& folder, std::size_t number) {
    folder.Put("model", Tokens(number), Data(number));
  }
  // What is found is what was put.
  static bool Holds(PrefixFolder& folder, std::size_t number) {
    const auto found = folder.Get("model", Tokens(number), 500);
    if (found) {
      EXPECT_EQ(*found, Data(number)) << number;
    }
    return found.has_value();
  }
  std::int64_t Bytes() const {
    std::int64_t bytes = 0;
    for (const auto& entry : fs::directory_iterator(path_))
      bytes += static_cast<std::int64_t>(entry.file_size());
    return bytes;
  }
  // Without waiting for the disk.
  void Overwrite(const fs::path& file, const std::string& bytes) const {
    folder_.Write(fs::relative(file, folder_.path()).string(), bytes);
  }
  fs::path OnlyFile() const {
    EXPECT_EQ(std::distance(fs::directory_iterator(path_), {}), 1);
    return *fs::directory_iterator(path_);
  }

  TempFolder folder_;
  fs::path path_ = folder_.path() / "cache" / "prompts";
  std::string log_;
};

TEST_F(PrefixFolderTest, GivesWhatWasPutAlsoToTheNextProcess) {
  PrefixFolder folder = Open();
  EXPECT_FALSE(Holds(folder, 1));
  EXPECT_TRUE(folder.Lengths("model").empty());
  for (const std::size_t number : {1u, 2u, 8u}) Put(folder, number);
  PrefixFolder next = Open();
  EXPECT_TRUE(Holds(next, 1) && Holds(next, 2) && Holds(next, 8));
  EXPECT_FALSE(Holds(next, 3));
  EXPECT_EQ(next.Lengths("model"), (std::vector<std::size_t>{4, 3}));
  EXPECT_EQ(log_, "");
}

TEST_F(PrefixFolderTest, AnotherModelOrAnotherSizeFindsNothing) {
  PrefixFolder folder = Open();
  Put(folder, 1);
  EXPECT_FALSE(folder.Get("other model", Tokens(1), 500));
  EXPECT_TRUE(folder.Lengths("other model").empty());
  EXPECT_TRUE(Holds(folder, 1));
  EXPECT_FALSE(folder.Get("model", Tokens(1), 501));
}

// Against a map of what must be there, with the least recently used going first.
TEST_F(PrefixFolderTest, BehavesAsAMapThatForgetsTheLeastRecentlyUsed) {
  constexpr std::int64_t kBytes = 6'000;  // nine or ten entries
  std::mt19937 random(3);
  std::map<std::size_t, std::uint64_t> used;  // number → time of its last use
  std::map<std::size_t, std::int64_t> sizes;
  std::uint64_t now = 0;
  PrefixFolder folder = Open(kBytes);
  for (int step = 0; step < 1000; ++step) {
    SCOPED_TRACE(step);
    const std::size_t number = random() % 20;
    switch (random() % 8) {
      case 0:
      case 1:
      case 2: {
        Put(folder, number);
        used[number] = ++now;
        // 56 bytes of header, 4 a token, the data and 8 of checksum.
        sizes[number] = static_cast<std::int64_t>(56 + 4 * Tokens(number).size() + 500 + 8);
        const auto total = [&] {
          std::int64_t bytes = 0;
          for (const auto& [kept, time] : used) bytes += sizes[kept];
          return bytes;
        };
        while (total() > kBytes) {
          used.erase(std::min_element(used.begin(), used.end(), [](const auto& a, const auto& b) {
            return a.second < b.second;
          }));
        }
        EXPECT_EQ(Bytes(), total());
        break;
      }
      case 3:
        folder.Touch("model", Tokens(number));
        if (used.contains(number)) used[number] = ++now;
        break;
      case 4:
        folder.Drop("model", Tokens(number), "it is not wanted");
        used.erase(number);
        break;
      case 5:
        folder = Open(kBytes);
        break;
      default:
        EXPECT_EQ(Holds(folder, number), used.contains(number));
        if (used.contains(number)) used[number] = ++now;
        break;
    }
  }
  EXPECT_GT(now, 400u);
}

TEST_F(PrefixFolderTest, WhatExceedsTheSizeIsNotKeptAndCostsNothingElse) {
  PrefixFolder folder = Open(2'000);
  Put(folder, 1);
  folder.Put("model", Tokens(2), Data(2, 2'000));
  EXPECT_TRUE(Holds(folder, 1));
  EXPECT_FALSE(folder.Get("model", Tokens(2), 2'000));
  EXPECT_EQ(log_, "");
}

TEST_F(PrefixFolderTest, AnyFlippedByteIsFound) {
  {
    PrefixFolder folder = Open();
    Put(folder, 1);
  }
  const fs::path file = OnlyFile();
  const std::string bytes = ReadFile(file);
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << at % 8));
    Overwrite(file, damaged);
    log_.clear();
    PrefixFolder folder = Open();
    ASSERT_FALSE(Holds(folder, 1)) << at;
    EXPECT_THAT(log_, ::testing::HasSubstr("is damaged"));
    ASSERT_FALSE(fs::exists(file)) << at;
  }
  PrefixFolder folder = Open();
  Put(folder, 1);
  EXPECT_TRUE(Holds(folder, 1));
}

TEST_F(PrefixFolderTest, AnyTruncationOrExtensionIsFound) {
  {
    PrefixFolder folder = Open();
    Put(folder, 1);
  }
  const fs::path file = OnlyFile();
  const std::string bytes = ReadFile(file);
  for (std::size_t size = 0; size < bytes.size() + 40; ++size) {
    if (size == bytes.size()) continue;
    std::string damaged = bytes;
    damaged.resize(size);
    Overwrite(file, damaged);
    PrefixFolder folder = Open();
    ASSERT_FALSE(Holds(folder, 1)) << size;
    ASSERT_FALSE(fs::exists(file)) << size;
  }
}

TEST_F(PrefixFolderTest, AFileUnderTheNameOfAnotherIsNotBelieved) {
  PrefixFolder folder = Open();
  Put(folder, 1);
  const std::string bytes = ReadFile(OnlyFile());
  fs::remove(OnlyFile());
  Put(folder, 8);  // of as many tokens
  WriteFileAtomically(OnlyFile(), bytes);
  EXPECT_FALSE(Holds(folder, 8));
}

TEST_F(PrefixFolderTest, FilesOfOthersAreLeftAlone) {
  fs::create_directories(path_);
  const std::vector<std::string> names = {"notes.kv", "notes.txt", std::string(32, 'a') + ".kv",
                                          std::string(32, 'a') + "-1-b.txt"};
  for (const std::string& name : names)
    folder_.Write("cache/prompts/" + name, std::string(5'000, 'x'));
  PrefixFolder folder = Open(1'000);
  for (std::size_t i = 0; i < 5; ++i) Put(folder, i);
  EXPECT_TRUE(Holds(folder, 4));
  EXPECT_FALSE(Holds(folder, 0));
  for (const std::string& name : names) EXPECT_TRUE(fs::exists(path_ / name)) << name;
}

TEST_F(PrefixFolderTest, AFolderThatCannotBeMadeIsOneWarning) {
  folder_.Write("cache", "a file");
  PrefixFolder folder = Open();
  Put(folder, 1);
  const std::string first = log_;
  EXPECT_THAT(first, ::testing::HasSubstr("are not kept"));
  Put(folder, 2);
  EXPECT_FALSE(Holds(folder, 1));
  EXPECT_TRUE(folder.Lengths("model").empty());
  EXPECT_EQ(log_, first);
}

TEST_F(PrefixFolderTest, AReadOnlyFolderIsReadAndOneWarning) {
  {
    PrefixFolder folder = Open();
    Put(folder, 1);
  }
  for (const fs::path& each : {path_, path_.parent_path(), folder_.path()})
    chmod(each.c_str(), 0555);
  EXPECT_EQ(test::RunInChild([&] {
              test::BecomeOrdinaryUser();
              PrefixFolder folder = Open();
              const bool held = Holds(folder, 1) && log_.empty();
              Put(folder, 2);
              const std::string once = log_;
              Put(folder, 3);
              return held && !once.empty() && log_ == once && Holds(folder, 1) ? 0 : 1;
            }),
            0);
  for (const fs::path& each : {folder_.path(), path_.parent_path(), path_})
    chmod(each.c_str(), 0755);
  EXPECT_EQ(std::distance(fs::directory_iterator(path_), {}), 1);
}

TEST_F(PrefixFolderTest, AKilledWriterLeavesWholeEntriesAndNothingForLong) {
  for (const std::string fatal : {"fsync:before", "rename:before", "rename:after"}) {
    EXPECT_EQ(test::RunInChild([&] {
                SetFaultHook([&](std::string_view step) {
                  if (step == fatal) raise(SIGKILL);
                });
                PrefixFolder folder = Open();
                Put(folder, 1);
                return 0;
              }),
              256 + SIGKILL);
    PrefixFolder folder = Open();
    EXPECT_EQ(Holds(folder, 1), fatal == "rename:after");
    EXPECT_EQ(log_, "");
  }
  // What was left over goes when nobody can be writing it any more, and counts for nothing before.
  EXPECT_EQ(std::distance(fs::directory_iterator(path_), {}), 3);
  for (const auto& entry : fs::directory_iterator(path_)) {
    if (entry.path().extension() != ".kv")
      fs::last_write_time(entry, fs::file_time_type::clock::now() - std::chrono::hours(2));
  }
  PrefixFolder folder = Open(1'300);
  Put(folder, 2);
  Put(folder, 3);
  EXPECT_TRUE(Holds(folder, 2) && Holds(folder, 3));
  EXPECT_EQ(std::distance(fs::directory_iterator(path_), {}), 2);
}

TEST_F(PrefixFolderTest, ProcessesAndThreadsShareIt) {
  constexpr std::int64_t kBytes = 6'000;
  const auto work = [&](std::uint32_t seed) {
    std::mt19937 random(seed);
    PrefixFolder folder(path_, kBytes,
                        [](LogLevel, std::string_view line) { ADD_FAILURE() << line; });
    for (int i = 0; i < 300; ++i) {
      const std::size_t number = random() % 20;
      if (!Holds(folder, number)) Put(folder, number);
    }
    return ::testing::Test::HasFailure() ? 1 : 0;
  };
  std::vector<pid_t> children;
  for (std::uint32_t i = 0; i < 3; ++i) children.push_back(test::Spawn([&] { return work(i); }));
  std::vector<std::thread> threads;
  for (std::uint32_t i = 0; i < 3; ++i) threads.emplace_back(work, 10 + i);
  for (std::thread& thread : threads) thread.join();
  for (const pid_t child : children) EXPECT_EQ(test::Wait(child), 0);
  EXPECT_LE(Bytes(), kBytes);
}

}  // namespace
}  // namespace fovea
