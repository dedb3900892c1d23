// A folder that changes between runs: each change is handled alone, and the result is that of
// indexing the folder anew.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <string>
#include <vector>

#include "tests/e2e/index_process.h"
#include "tests/support/index_dump.h"
#include "tests/support/temp_folder.h"

namespace fovea {
namespace {

namespace fs = std::filesystem;
using ::testing::IsEmpty;

void MakeOld(const fs::path& folder) {
  const timespec times[2] = {{1'500'000'000, 0}, {1'500'000'000, 0}};
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    ASSERT_EQ(utimensat(AT_FDCWD, entry.path().c_str(), times, 0), 0);
  }
}

class IndexIncrementalTest : public ::testing::Test {
 protected:
  IndexIncrementalTest() : corpus_(folder_.path() / "corpus") {
    test::WriteCorpus(corpus_);
    MakeOld(corpus_);
  }

  // Counts and wall time, from a child.
  std::string Run(const std::string& index, int threads = 2) {
    test::IndexJob job{.corpus = corpus_, .index = folder_.path() / index, .threads = threads};
    test::Child child([&](int pipe) {
      const IndexReport r = test::RunIndexer(job);
      const std::string text =
          "added " + std::to_string(r.added) + " updated " + std::to_string(r.updated) +
          " renamed " + std::to_string(r.renamed) + " unchanged " + std::to_string(r.unchanged) +
          " removed " + std::to_string(r.removed) + " skipped " + std::to_string(r.skipped.size()) +
          " embedded " + std::to_string(r.chunks > 0);
      if (write(pipe, text.data(), text.size()) < 0) _exit(3);
    });
    const std::string text = child.Read();
    EXPECT_FALSE(child.Wait());
    EXPECT_EQ(child.exit_status(), 0);
    return text;
  }
  std::vector<std::string> Dump(const std::string& index) {
    return DumpIndex(*Store::Open(folder_.path() / index, Store::Mode::kRead));
  }
  std::int64_t Generation(const std::string& index) {
    return Store::Open(folder_.path() / index, Store::Mode::kRead)->generation();
  }

  TempFolder folder_;
  fs::path corpus_;
};

TEST_F(IndexIncrementalTest, IndexingTwiceChangesNothing) {
  EXPECT_EQ(Run("index"),
            "added 150 updated 0 renamed 0 unchanged 0 removed 0 skipped 0 embedded 1");
  const auto before = Dump("index");
  const std::int64_t generation = Generation("index");
  EXPECT_EQ(Run("index"),
            "added 0 updated 0 renamed 0 unchanged 150 removed 0 skipped 0 embedded 0");
  EXPECT_EQ(Dump("index"), before);
  EXPECT_EQ(Generation("index"), generation);
}

TEST_F(IndexIncrementalTest, OneEditedOneDeletedOneRenamedFileAreHandledAlone) {
  Run("index");
  WriteFileAtomically(corpus_ / "part1/1.md", "# Edited\n\nThis is a new text.\n");
  fs::remove(corpus_ / "part2/2.txt");
  fs::rename(corpus_ / "part3/3.md", corpus_ / "part4/renamed.md");
  EXPECT_EQ(Run("index"),
            "added 0 updated 1 renamed 1 unchanged 147 removed 1 skipped 0 embedded 1");
  Run("anew");
  EXPECT_EQ(Dump("index"), Dump("anew"));
  EXPECT_THAT(Store::Open(folder_.path() / "index", Store::Mode::kRead)->Check(), IsEmpty());
}

TEST_F(IndexIncrementalTest, ARenamedFolderIsNotEmbeddedAgain) {
  Run("index");
  fs::rename(corpus_ / "part5", corpus_ / "other");
  EXPECT_EQ(Run("index"),
            "added 0 updated 0 renamed 14 unchanged 136 removed 0 skipped 0 embedded 0");
  Run("anew");
  EXPECT_EQ(Dump("index"), Dump("anew"));
}

TEST_F(IndexIncrementalTest, OneAndTwoThreadsGiveTheSameBits) {
  Run("one", 1);
  Run("two", 2);
  EXPECT_EQ(Dump("one"), Dump("two"));
}

}  // namespace
}  // namespace fovea
