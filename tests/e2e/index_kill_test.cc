// kill -9 while indexing: nothing that was committed is lost, nothing is wrong, and the next run
// ends where an undisturbed one does.
//
// FOVEA_KILLS sets the number of random kills (default 25).

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "retriever/vector_index.h"
#include "tests/e2e/index_process.h"
#include "tests/support/index_dump.h"
#include "tests/support/temp_folder.h"

namespace fovea {
namespace {

using test::Child;
using test::IndexJob;
using ::testing::IsEmpty;

int WantedKills() {
  const char* text = std::getenv("FOVEA_KILLS");
  return text == nullptr ? 25 : std::atoi(text);
}

class IndexKillTest : public ::testing::Test {
 protected:
  IndexKillTest() : corpus_(folder_.path() / "corpus") {
    test::WriteCorpus(corpus_);
    const auto start = std::chrono::steady_clock::now();
    test::IndexInChild(Job("undisturbed"));
    undisturbed_s_ =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    expected_ = DumpOf("undisturbed");
  }

  IndexJob Job(const std::string& index) const {
    return {.corpus = corpus_, .index = folder_.path() / index};
  }

  std::vector<std::string> DumpOf(const std::string& index) const {
    return DumpIndex(*Store::Open(folder_.path() / index, Store::Mode::kRead));
  }

  // What a kill must leave: a sound store with a part of the right documents, at least those of
  // `commits` commits.
  void ExpectSound(const std::string& index, std::int64_t commits) {
    if (!std::filesystem::exists(folder_.path() / index / "fovea.sqlite") && commits == 0) return;
    const auto store = Store::Open(folder_.path() / index, Store::Mode::kWrite);
    EXPECT_THAT(store->Check(), IsEmpty());
    EXPECT_GE(store->generation(), commits);
    if (!store->settings()) return;
    const std::vector<std::string> dump = DumpIndex(*store);
    EXPECT_TRUE(std::includes(expected_.begin(), expected_.end(), dump.begin(), dump.end()));
    EXPECT_GE(dump.size(), held_);
    held_ = dump.size();
  }

  void ExpectCompleteAfterNextRun(const std::string& index) {
    test::IndexInChild(Job(index));
    const auto store = Store::Open(folder_.path() / index, Store::Mode::kRead);
    EXPECT_EQ(DumpIndex(*store), expected_);
    EXPECT_THAT(store->Check(), IsEmpty());
    EXPECT_THAT(VectorIndex::Check(*store), IsEmpty());
    held_ = 0;
  }

  // Indexes in a child that tells of every commit, "c", when it is done.
  std::unique_ptr<Child> Start(const std::string& index) const {
    return std::make_unique<Child>([job = Job(index)](int pipe) {
      SetFaultHook([pipe](std::string_view step) {
        if (step == "sqlite-commit:after" && write(pipe, "c", 1) != 1) _exit(3);
      });
      test::RunIndexer(job);
    });
  }

  TempFolder folder_;
  std::filesystem::path corpus_;
  std::vector<std::string> expected_;
  double undisturbed_s_ = 0;
  std::size_t held_ = 0;  // lines of the index at the last look
};

TEST_F(IndexKillTest, AtRandomMomentsNothingCommittedIsLost) {
  ASSERT_GT(expected_.size(), 150u);
  std::mt19937 random(20240607);
  std::uniform_real_distribution<double> moment(0, undisturbed_s_);
  const int wanted = WantedKills();
  int hits = 0;
  int runs = 0;
  std::int64_t commits = 0;
  std::string index = "index-0";
  while (hits < wanted && ++runs < 8 * wanted) {
    const auto child = Start(index);
    std::this_thread::sleep_for(std::chrono::duration<double>(moment(random)));
    child->Kill();
    const bool hit = child->Wait();
    commits += static_cast<std::int64_t>(child->Read().size());
    ExpectSound(index, commits);
    if (HasFailure()) FAIL() << "after kill " << hits << " of " << index;
    if (hit) {
      ++hits;
      continue;
    }
    ASSERT_EQ(child->exit_status(), 0);
    EXPECT_EQ(DumpOf(index), expected_);
    index = "index-" + std::to_string(runs);
    commits = 0;
    held_ = 0;
  }
  EXPECT_EQ(hits, wanted);
  ExpectCompleteAfterNextRun(index);
  std::printf("%d kills hit a running process, in %d runs of up to %.2f s\n", hits, runs,
              undisturbed_s_);
}

TEST_F(IndexKillTest, RightBeforeAndAfterEveryFlushRenameAndCommitNothingIsLost) {
  // The steps of an undisturbed run, in order.
  Child recorder([&](int pipe) {
    SetFaultHook([pipe](std::string_view step) {
      const std::string line = std::string(step) + "\n";
      if (write(pipe, line.data(), line.size()) != static_cast<ssize_t>(line.size())) _exit(3);
    });
    test::RunIndexer(Job("recorded"));
  });
  const std::string text = recorder.Read();
  ASSERT_FALSE(recorder.Wait());
  std::map<std::string, int> steps;
  for (std::size_t at = 0, end; (end = text.find('\n', at)) != std::string::npos; at = end + 1) {
    ++steps[text.substr(at, end - at)];
  }
  for (const char* step : {"fsync", "rename", "sqlite-commit"}) {
    for (const char* when : {":before", ":after"})
      ASSERT_GT(steps[std::string(step) + when], 0) << step << when;
  }
  int deaths = 0;
  for (const auto& [step, count] : steps) {
    // The first, one in the middle, the last.
    for (const int nth : std::set<int>{1, (count + 1) / 2, count}) {
      const std::string index = "fault-" + std::to_string(deaths++);
      Child child([&, wanted = step](int pipe) {
        SetFaultHook([pipe, wanted, left = nth](std::string_view at) mutable {
          if (at == wanted && --left == 0) kill(getpid(), SIGKILL);
          if (at == "sqlite-commit:after" && write(pipe, "c", 1) != 1) _exit(3);
        });
        test::RunIndexer(Job(index));
      });
      ASSERT_TRUE(child.Wait()) << step << " " << nth;
      ExpectSound(index, static_cast<std::int64_t>(child.Read().size()));
      ExpectCompleteAfterNextRun(index);
      ASSERT_FALSE(HasFailure()) << "died at " << step << ", " << nth << " of " << count;
    }
  }
}

}  // namespace
}  // namespace fovea
