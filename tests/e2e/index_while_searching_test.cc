// One process indexes while another searches: every hit is the text of some moment, never a
// mixture.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "retriever/searcher.h"
#include "tests/e2e/index_process.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_folder.h"

namespace fovea {
namespace {

namespace fs = std::filesystem;

std::string TextOf(int document, int version) {
  return "Version " + std::to_string(version) + " of the report number " +
         std::to_string(document) + " is about the harbour.";
}

class IndexWhileSearchingTest : public ::testing::Test {
 protected:
  static constexpr int kDocuments = 40;

  void WriteVersion(int version) {
    for (int i = 0; i < kDocuments; ++i) {
      folder_.Write("docs/" + std::to_string(i) + ".txt", TextOf(i, version));
    }
  }
  test::IndexJob Job() const {
    return {.corpus = folder_.path() / "docs",
            .index = folder_.path() / "index",
            .threads = 1,
            .group_bytes = 300};
  }

  TempFolder folder_;
};

TEST_F(IndexWhileSearchingTest, EveryHitIsAWholeTextOfSomeVersion) {
  WriteVersion(0);
  test::IndexInChild(Job());
  WriteVersion(1);
  int start[2];
  ASSERT_EQ(pipe(start), 0);
  // Begins when told, so that the first search is of what was there before.
  test::Child indexing([&](int pipe) {
    close(start[1]);  // so that it ends where the test ends before
    char told;
    if (read(start[0], &told, 1) != 1) _exit(2);
    test::RunIndexer(Job());
    if (write(pipe, "done", 4) != 4) _exit(3);
  });

  std::set<std::string> texts;
  for (int i = 0; i < kDocuments; ++i) {
    for (const int version : {0, 1}) texts.insert(TextOf(i, version));
  }
  ThreadPool pool(1);
  const Searcher searcher(folder_.path() / "index", TestEncoder(), nullptr, &pool);
  std::set<std::int64_t> generations;
  const auto search = [&](SearchMode mode, const std::string& query) {
    SearchOptions options;
    options.mode = mode;
    options.k = kDocuments;
    const std::vector<Hit> hits = searcher.Search(query, options);
    // Replaced, never gone and never twice: whatever the moment, all of them are there once.
    std::set<std::string> documents;
    for (const Hit& hit : hits) {
      EXPECT_TRUE(texts.contains(hit.passage.text)) << hit.passage.text;
      EXPECT_TRUE(documents.insert(hit.passage.document).second)
          << hit.passage.document << " came twice";
    }
    EXPECT_EQ(documents.size(), static_cast<std::size_t>(kDocuments));
    generations.insert(searcher.store().generation());
  };
  search(SearchMode::kHybrid, "the harbour report");
  ASSERT_EQ(write(start[1], "!", 1), 1);
  while (!indexing.HasSpoken()) {
    for (const SearchMode mode : {SearchMode::kDense, SearchMode::kLexical, SearchMode::kHybrid})
      search(mode, "the harbour report");
  }
  EXPECT_EQ(indexing.Read(), "done");
  EXPECT_FALSE(indexing.Wait());
  for (const int end : start) close(end);
  search(SearchMode::kHybrid, "the harbour report");
  SearchOptions all;
  all.k = kDocuments;
  for (const Hit& hit : searcher.Search("the harbour report", all)) {
    EXPECT_TRUE(hit.passage.text.starts_with("Version 1 ")) << hit.passage.text;
  }
  EXPECT_GT(generations.size(), 1u);
}

TEST_F(IndexWhileSearchingTest, ASecondWriterIsToldWhoIsIndexing) {
  WriteVersion(0);
  test::Child holding([&](int pipe) {
    const auto store = Store::Open(Job().index, Store::Mode::kWrite);
    if (write(pipe, "open", 4) != 4) _exit(3);
    std::this_thread::sleep_for(std::chrono::seconds(60));
  });
  char buffer[4];
  ASSERT_TRUE(holding.ReadExactly(buffer, sizeof buffer));
  EXPECT_ERROR(Store::Open(Job().index, Store::Mode::kWrite), ErrorCode::kBusy,
               "being indexed by process");
  holding.Kill();
  EXPECT_TRUE(holding.Wait());
  // The lock dies with its holder.
  Store::Open(Job().index, Store::Mode::kWrite);
}

}  // namespace
}  // namespace fovea
