#include "retriever/state_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <fstream>
#include <random>
#include <thread>

#include "lib/base/file.h"
#include "retriever/sqlite.h"
#include "tests/support/child_process.h"
#include "tests/support/temp_folder.h"

namespace fovea {
namespace {

constexpr std::size_t kWidth = 32;

// States that follow from their number.
RowCodes States(std::size_t number, std::size_t tokens = 40) {
  std::mt19937 random(static_cast<std::uint32_t>(number));
  RowCodes states;
  for (std::size_t t = 0; t < tokens; ++t)
    states.scales.push_back(static_cast<float>(random() % 1000) / 7);
  for (std::size_t i = 0; i < tokens * kWidth; ++i)
    states.codes.push_back(static_cast<std::int8_t>(random() % 255 - 127));
  return states;
}

std::string Key(std::size_t number) { return "key " + std::to_string(number); }

class StateCacheTest : public ::testing::Test {
 protected:
  std::unique_ptr<PassageStateCache> Open(const std::string& model = "model",
                                          std::int64_t max_bytes = kDefaultStateCacheBytes) {
    return OpenStateCache(folder_.path(), model, max_bytes,
                          [this](LogLevel, std::string_view line) { log_ += line; });
  }
  static void Put(PassageStateCache& cache, std::size_t number) {
    const std::string key = Key(number);
    const RowCodes states = States(number);
    cache.Put(std::span(&key, 1), std::span(&states, 1));
  }
  static bool Holds(PassageStateCache& cache, std::size_t number) {
    const std::string key = Key(number);
    const auto found = cache.Get(std::span(&key, 1)).front();
    if (!found) return false;
    const RowCodes want = States(number);
    EXPECT_EQ(found->codes, want.codes);
    EXPECT_EQ(found->scales, want.scales);
    return true;
  }

  TempFolder folder_;
  std::filesystem::path file_ = folder_.path() / "states.sqlite";
  std::string log_;
};

TEST_F(StateCacheTest, GivesWhatWasPutAlsoToTheNextProcess) {
  const auto cache = Open();
  EXPECT_FALSE(Holds(*cache, 1));
  Put(*cache, 1);
  Put(*cache, 2);
  EXPECT_TRUE(Holds(*cache, 1));
  EXPECT_FALSE(Holds(*cache, 3));
  EXPECT_TRUE(Holds(*Open(), 2));
  const std::vector<std::string> keys = {Key(2), Key(3), Key(1)};
  const auto found = cache->Get(keys);
  EXPECT_TRUE(found[0] && !found[1] && found[2]);
}

TEST_F(StateCacheTest, AnotherModelFindsNothingAndDropsTheOld) {
  const auto first = Open();
  Put(*first, 1);
  const auto second = Open("other");
  EXPECT_FALSE(Holds(*second, 1));
  Put(*second, 2);
  // One that is still open never sees the states of the other model.
  EXPECT_FALSE(Holds(*first, 2));
  EXPECT_FALSE(Holds(*Open(), 1));
}

TEST_F(StateCacheTest, TheOldestGoWhereTheSizeIsReached) {
  constexpr std::int64_t kBytes = 400'000;
  const auto cache = Open("model", kBytes);
  for (std::size_t i = 0; i < 1000; ++i) Put(*cache, i);
  EXPECT_FALSE(Holds(*cache, 0));
  EXPECT_TRUE(Holds(*cache, 999));
  EXPECT_TRUE(Holds(*cache, 900));
  // Pages that were freed are used again: the file ends near what it may keep.
  EXPECT_LT(std::filesystem::file_size(file_), 2 * kBytes);
}

TEST_F(StateCacheTest, StatesOfADamagedRowAreNotThere) {
  {
    const auto cache = Open();
    Put(*cache, 1);
    Put(*cache, 2);
  }
  {
    sqlite::Database database(file_, sqlite::Database::Mode::kReadWrite);
    database.Execute("UPDATE states SET data = zeroblob(length(data)) WHERE key = 'key 1'");
    database.Execute("UPDATE states SET tokens = 1000000 WHERE key = 'key 2'");
  }
  const auto cache = Open();
  EXPECT_FALSE(Holds(*cache, 1));
  EXPECT_FALSE(Holds(*cache, 2));
  Put(*cache, 1);
  EXPECT_TRUE(Holds(*cache, 1));
}

TEST_F(StateCacheTest, ADamagedFileIsMadeAnew) {
  for (const char* content : {"not a database, but longer than the header of one would be, which "
                              "has a hundred bytes and begins with a name",
                              "SQLite format 3"}) {
    {
      std::ofstream file(file_, std::ios::binary);
      for (int i = 0; i < 100; ++i) file << content;
    }
    log_.clear();
    const auto cache = Open();
    ASSERT_NE(cache, nullptr) << log_;
    EXPECT_THAT(log_, testing::HasSubstr("is made anew"));
    Put(*cache, 1);
    EXPECT_TRUE(Holds(*cache, 1));
  }
}

TEST_F(StateCacheTest, DamageFoundWhileReadingStartsItAnew) {
  {
    const auto cache = Open();
    for (std::size_t i = 0; i < 200; ++i) Put(*cache, i);
  }
  std::string bytes = ReadFile(file_);
  for (std::size_t at = 16384; at < bytes.size(); ++at) bytes[at] = static_cast<char>(at * 7);
  folder_.Write("states.sqlite", bytes);
  const auto cache = Open();
  ASSERT_NE(cache, nullptr) << log_;
  for (std::size_t i = 0; i < 200; ++i) EXPECT_FALSE(Holds(*cache, i));
  Put(*cache, 1);
  EXPECT_TRUE(Holds(*cache, 1));
}

TEST_F(StateCacheTest, AFileOfAnotherVersionIsMadeAnew) {
  { Put(*Open(), 1); }
  {
    sqlite::Database database(file_, sqlite::Database::Mode::kReadWrite);
    database.Execute("PRAGMA user_version = 7");
  }
  const auto cache = Open();
  ASSERT_NE(cache, nullptr);
  EXPECT_FALSE(Holds(*cache, 1));
}

TEST_F(StateCacheTest, AFolderThatCannotBeWrittenHasNone) {
  EXPECT_EQ(OpenStateCache(folder_.path() / "none", "model", 1000,
                           [this](LogLevel, std::string_view line) { log_ += line; }),
            nullptr);
  EXPECT_THAT(log_, testing::HasSubstr("are not kept"));
}

TEST_F(StateCacheTest, AKilledWriterLeavesWholeStatesOnly) {
  for (int round = 0; round < 8; ++round) {
    const pid_t child = test::Spawn([&] {
      const auto cache = Open("model", 300'000);
      for (std::size_t i = 0;; ++i) Put(*cache, i % 500);
      return 0;
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(20 + 15 * round));
    kill(child, SIGKILL);
    EXPECT_EQ(test::Wait(child), 256 + SIGKILL);
    log_.clear();
    const auto cache = Open("model", 300'000);
    ASSERT_NE(cache, nullptr);
    EXPECT_EQ(log_, "");
    for (std::size_t i = 0; i < 500; ++i) Holds(*cache, i);  // Whole, where it is there.
  }
}

TEST_F(StateCacheTest, ThreadsAndProcessesShareIt) {
  const auto cache = Open();
  const auto other = Open();
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (std::size_t i = 0; i < 50; ++i) {
        PassageStateCache& used = t % 2 == 0 ? *cache : *other;
        Put(used, i);
        Holds(used, (i * 7) % 50);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (std::size_t i = 0; i < 50; ++i) EXPECT_TRUE(Holds(*cache, i)) << i;
}

}  // namespace
}  // namespace fovea
