#include "retriever/source_walk.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <string>
#include <vector>

#include "tests/support/expect_error.h"
#include "tests/support/temp_folder.h"

namespace fovea {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// The test runs inside a folder of its own, so that relative paths are short.
class SourceWalkTest : public ::testing::Test {
 protected:
  void SetUp() override {
    before_ = fs::current_path();
    fs::current_path(folder_.path());
  }
  void TearDown() override { fs::current_path(before_); }

  std::vector<std::string> Names(const std::vector<fs::path>& paths, WalkOptions options = {}) {
    walk_ = WalkSources(paths, options);
    std::vector<std::string> names;
    for (const SourceFile& file : walk_.files) names.push_back(file.name);
    return names;
  }

  TempFolder folder_;
  fs::path before_;
  SourceWalk walk_;
};

TEST_F(SourceWalkTest, FindsFilesBelowAFolderSortedByName) {
  for (const char* name : {"d/z.txt", "d/a/y.md", "d/a.txt", "d/B.txt"}) folder_.Write(name, "x");
  EXPECT_THAT(Names({"d"}), ElementsAre("d/B.txt", "d/a.txt", "d/a/y.md", "d/z.txt"));
  EXPECT_THAT(Names({"./d//"}), ElementsAre("d/B.txt", "d/a.txt", "d/a/y.md", "d/z.txt"));
}

TEST_F(SourceWalkTest, TheCurrentFolderGivesNamesWithoutDot) {
  folder_.Write("a.txt", "x");
  folder_.Write("b/c.txt", "x");
  EXPECT_THAT(Names({"."}), ElementsAre("a.txt", "b/c.txt"));
  EXPECT_THAT(Names({"./a.txt"}), ElementsAre("a.txt"));
}

TEST_F(SourceWalkTest, AbsolutePathsStayAbsolute) {
  const std::string path = folder_.Write("d/a.txt", "x").string();
  EXPECT_THAT(Names({folder_.path() / "d"}), ElementsAre(path));
}

TEST_F(SourceWalkTest, SizesAndTimesAreThoseOfTheFile) {
  const fs::path path = folder_.Write("a.txt", "12345");
  const timespec times[2] = {{1'600'000'000, 7}, {1'600'000'000, 123'456'789}};
  ASSERT_EQ(utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
  Names({"a.txt"});
  ASSERT_EQ(walk_.files.size(), 1u);
  EXPECT_EQ(walk_.files[0].size, 5);
  EXPECT_EQ(walk_.files[0].modified_ns, 1'600'000'000'123'456'789);
}

TEST_F(SourceWalkTest, LeavesOutHiddenEntriesTheIndexAndUnknownKinds) {
  for (const char* name :
       {"d/.git/x.txt", "d/.hidden.txt", "d/index/x.txt", "d/a.png", "d/a.txt"}) {
    folder_.Write(name, "x");
  }
  EXPECT_THAT(Names({"d"}, {.index_folder = "d/index"}), ElementsAre("d/a.txt"));
  EXPECT_THAT(walk_.skipped, IsEmpty());
}

TEST_F(SourceWalkTest, APathGivenItselfIsTakenThoughHidden) {
  folder_.Write(".notes/x.txt", "x");
  folder_.Write(".plan", "x");
  EXPECT_THAT(Names({".notes", ".plan"}), ElementsAre(".notes/x.txt", ".plan"));
}

TEST_F(SourceWalkTest, OverlappingPathsGiveEachFileOnce) {
  folder_.Write("a/x.txt", "x");
  folder_.Write("a/b/y.txt", "x");
  for (const std::vector<fs::path>& paths :
       {std::vector<fs::path>{"a", "a/b"}, {"a/b", "a"}, {"a/b/y.txt", "a", "a/../a"}}) {
    EXPECT_THAT(Names(paths), ElementsAre("a/b/y.txt", "a/x.txt"));
  }
}

TEST_F(SourceWalkTest, GlobsChooseByTheWholeName) {
  for (const char* name : {"d/a.md", "d/a.txt", "d/old/b.md", "d/b.rst"}) folder_.Write(name, "x");
  EXPECT_THAT(Names({"d"}, {.include = {"*.md", "*.rst"}, .exclude = {"d/old/*"}}),
              ElementsAre("d/a.md", "d/b.rst"));
  EXPECT_THAT(Names({"d/a.md"}, {.exclude = {"*.md"}}), IsEmpty());
}

TEST_F(SourceWalkTest, LinkLoopsEndAndLinkedFoldersComeOnce) {
  folder_.Write("d/sub/a.txt", "x");
  folder_.Write("elsewhere/b.txt", "x");
  fs::create_directory_symlink("..", "d/sub/up");
  fs::create_directory_symlink(".", "d/self");
  fs::create_directory_symlink("../..", "d/sub/above");
  fs::create_directory_symlink("../elsewhere", "d/first");
  fs::create_directory_symlink("../elsewhere", "d/second");
  fs::create_symlink("me", "d/me");
  EXPECT_THAT(Names({"d"}), ElementsAre("d/first/b.txt", "d/sub/a.txt"));
  ASSERT_EQ(walk_.skipped.size(), 1u);
  EXPECT_EQ(walk_.skipped[0].document, "d/me");
}

TEST_F(SourceWalkTest, ARealFileWinsOverALinkToIt) {
  folder_.Write("d/z.txt", "x");
  folder_.Write("outside.txt", "x");
  fs::create_symlink("z.txt", "d/a.txt");
  fs::create_symlink("../outside.txt", "d/b.txt");
  fs::create_symlink("../outside.txt", "d/c.txt");
  EXPECT_THAT(Names({"d"}), ElementsAre("d/b.txt", "d/z.txt"));
}

TEST_F(SourceWalkTest, ALinkToNothingIsReported) {
  fs::create_directory("d");
  fs::create_symlink("nowhere.txt", "d/a.txt");
  EXPECT_THAT(Names({"d"}), IsEmpty());
  ASSERT_EQ(walk_.skipped.size(), 1u);
  EXPECT_EQ(walk_.skipped[0].document, "d/a.txt");
  EXPECT_THAT(walk_.skipped[0].reason, HasSubstr("link"));
}

TEST_F(SourceWalkTest, PipesAreLeftOutAndReportedWhenGiven) {
  fs::create_directory("d");
  ASSERT_EQ(mkfifo("d/pipe.txt", 0600), 0);
  EXPECT_THAT(Names({"d"}), IsEmpty());
  EXPECT_THAT(walk_.skipped, IsEmpty());
  Names({"d/pipe.txt"});
  ASSERT_EQ(walk_.skipped.size(), 1u);
  EXPECT_THAT(walk_.skipped[0].reason, HasSubstr("not a regular file"));
}

TEST_F(SourceWalkTest, AMissingPathIsAnErrorThatNamesIt) {
  folder_.Write("a.txt", "x");
  EXPECT_ERROR(Names({"a.txt", "missing/dir"}), ErrorCode::kNotFound, "missing/dir");
}

TEST_F(SourceWalkTest, DotDotBehindALinkKeepsItsMeaning) {
  folder_.Write("far/inner/x.txt", "x");
  folder_.Write("far/y.txt", "x");
  fs::create_directory_symlink("far/inner", "link");
  EXPECT_THAT(Names({"link/../y.txt"}), ElementsAre("link/../y.txt"));
  EXPECT_EQ(NormalizeSourcePath("far/./inner/..//y.txt"), "far/y.txt");
  EXPECT_EQ(NormalizeSourcePath("./gone//x/"), "gone/x");
  EXPECT_EQ(NormalizeSourcePath("./"), ".");
}

TEST_F(SourceWalkTest, BelowMeansAWholeStepOfThePath) {
  EXPECT_TRUE(IsAtOrBelow("a/b", "a"));
  EXPECT_TRUE(IsAtOrBelow("a", "a"));
  EXPECT_FALSE(IsAtOrBelow("ab", "a"));
  EXPECT_TRUE(IsAtOrBelow("a/b", "."));
  EXPECT_FALSE(IsAtOrBelow("../a", "."));
  EXPECT_FALSE(IsAtOrBelow("/a", "."));
  EXPECT_TRUE(IsAtOrBelow("/a", "/"));
}

TEST_F(SourceWalkTest, StateTellsAGoneFileFromAFolderInItsPlace) {
  folder_.Write("d/a.txt", "x");
  EXPECT_EQ(StateOfFile("d/a.txt"), FileState::kFile);
  EXPECT_EQ(StateOfFile("d"), FileState::kGone);
  EXPECT_EQ(StateOfFile("d/b.txt"), FileState::kGone);
  EXPECT_EQ(StateOfFile("d/a.txt/c.txt"), FileState::kGone);
}

}  // namespace
}  // namespace fovea
