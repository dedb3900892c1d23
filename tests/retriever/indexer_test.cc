#include "retriever/indexer.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "lib/base/file.h"
#include "lib/base/thread_pool.h"
#include "lib/nn/model_path.h"
#include "tests/support/expect_error.h"
#include "tests/support/index_dump.h"
#include "tests/support/models.h"
#include "tests/support/temp_folder.h"

namespace fovea {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string Line(const std::string& id, const std::string& text) {
  return R"({"_id": ")" + id + R"(", "title": "T)" + id + R"(", "text": ")" + text + "\"}\n";
}

class IndexerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    before_ = fs::current_path();
    fs::current_path(folder_.path());
    Open();
  }
  void TearDown() override {
    store_.reset();
    fs::current_path(before_);
  }

  void Open(const std::string& index = ".fovea") {
    store_.reset();
    store_ = Store::Open(index, Store::Mode::kWrite);
  }
  IndexReport Add(const std::vector<fs::path>& paths, const IndexerOptions& options = {},
                  std::stop_token stop = {}) {
    return Indexer(*store_, TestEncoder(), options, &pool_).Add(paths, {}, stop);
  }
  std::int64_t Remove(const std::vector<std::string>& paths) {
    return Indexer(*store_, TestEncoder(), {}, &pool_).Remove(paths);
  }
  // Writes a file as if it had lain there for years.
  void WriteOld(const std::string& name, const std::string& text) {
    const fs::path path = folder_.Write(name, text);
    const timespec times[2] = {{1'500'000'000 + ++clock_, 0}, {1'500'000'000 + clock_, 0}};
    ASSERT_EQ(utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
  }
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    store_->ForEachDocument([&](const DocumentRecord& document) {
      names.push_back(document.name);
      return true;
    });
    return names;
  }
  std::string TextOf(const std::string& name) const {
    const auto document = store_->FindDocument(name);
    return document ? store_->DocumentText(document->id) : "(none)";
  }
  static std::string Counts(const IndexReport& report) {
    return "+" + std::to_string(report.added) + " ~" + std::to_string(report.updated) + " >" +
           std::to_string(report.renamed) + " =" + std::to_string(report.unchanged) + " -" +
           std::to_string(report.removed) + " skipped " + std::to_string(report.skipped.size());
  }
  // What an index made at once of the same paths holds.
  std::vector<std::string> FreshDump(const std::vector<fs::path>& paths,
                                     const IndexerOptions& options = {}) {
    const TempFolder other;
    const auto store = Store::Open(other.path() / "index", Store::Mode::kWrite);
    Indexer(*store, TestEncoder(), options, &pool_).Add(paths);
    return DumpIndex(*store);
  }
  void ExpectSound() { EXPECT_THAT(store_->Check(), IsEmpty()); }

  TempFolder folder_;
  ThreadPool pool_{2};
  fs::path before_;
  std::unique_ptr<Store> store_;
  std::int64_t clock_ = 0;
};

TEST_F(IndexerTest, IndexesAFolderAndStoresWhatItWasBuiltWith) {
  WriteOld("d/a.txt", "The cat sat on the mat.");
  WriteOld("d/b.md", "# Dogs\n\nDogs bark at night.\n");
  const IndexReport report = Add({"d"});
  EXPECT_EQ(Counts(report), "+2 ~0 >0 =0 -0 skipped 0");
  EXPECT_EQ(report.chunks, 2);
  EXPECT_GT(report.tokens, 10);
  EXPECT_THAT(Names(), ElementsAre("d/a.txt", "d/b.md"));
  EXPECT_EQ(TextOf("d/a.txt"), "The cat sat on the mat.");
  const IndexSettings settings = store_->settings().value();
  EXPECT_EQ(settings.embedder, kDefaultEmbedder);
  EXPECT_EQ(settings.embedder_fingerprint, TestEncoder().fingerprint());
  EXPECT_EQ(settings.dimensions, 384);
  ExpectSound();
}

TEST_F(IndexerTest, VectorsAreThoseOfTitleHeadingAndText) {
  WriteOld("b.md", "# Dogs\n\n## Noise\n\nDogs bark at night.\n");
  Add({"b.md"});
  const auto document = store_->FindDocument("b.md").value();
  const std::string text = store_->DocumentText(document.id);
  for (const auto& [id, chunk] : store_->ChunksOfDocument(document.id)) {
    const std::vector<std::vector<TokenId>> tokens = {TestEncoder().Tokenize(
        ContextualText(document.title, chunk.heading, Slice(text, chunk.range)))};
    const Matrix expected = TestEncoder().Embed(tokens, nullptr);
    EXPECT_TRUE(std::ranges::equal(store_->Vector(id), expected.row(0)));
  }
}

TEST_F(IndexerTest, ASecondRunChangesNothing) {
  for (int i = 0; i < 20; ++i)
    WriteOld("d/" + std::to_string(i) + ".txt", "Text number " + std::to_string(i));
  Add({"d"});
  const std::int64_t generation = store_->generation();
  const IndexReport report = Add({"d"});
  EXPECT_EQ(Counts(report), "+0 ~0 >0 =20 -0 skipped 0");
  EXPECT_EQ(report.chunks, 0);
  EXPECT_EQ(store_->generation(), generation);
}

TEST_F(IndexerTest, YoungAndTouchedFilesAreComparedByContent) {
  folder_.Write("a.txt", "written just now");
  WriteOld("b.txt", "written long ago");
  Add({"."});
  WriteOld("b.txt", "written long ago");
  const std::int64_t generation = store_->generation();
  EXPECT_EQ(Counts(Add({"."})), "+0 ~0 >0 =2 -0 skipped 0");
  EXPECT_EQ(store_->generation(), generation);
  folder_.Write("a.txt", "written just NOW");
  EXPECT_EQ(Counts(Add({"."})), "+0 ~1 >0 =1 -0 skipped 0");
  EXPECT_EQ(TextOf("a.txt"), "written just NOW");
}

TEST_F(IndexerTest, EditedDeletedRenamedAndNewFilesAreHandledAlone) {
  for (const char* name : {"d/a.txt", "d/b.txt", "d/c.md", "d/e.txt"}) {
    WriteOld(name, std::string("# Letters\n\nAbout the letter ") + name);
  }
  Add({"d"});
  const DocumentId renamed = store_->FindDocument("d/c.md")->id;
  WriteOld("d/a.txt", "Something else entirely.");
  fs::remove("d/b.txt");
  fs::create_directory("d/sub");
  fs::rename("d/c.md", "d/sub/z.md");
  WriteOld("d/f.txt", "A new one.");
  const IndexReport report = Add({"d"});
  EXPECT_EQ(Counts(report), "+1 ~1 >1 =1 -1 skipped 0");
  EXPECT_EQ(report.chunks, 2);
  EXPECT_EQ(store_->FindDocument("d/sub/z.md")->id, renamed);
  EXPECT_EQ(TextOf("d/a.txt"), "Something else entirely.");
  EXPECT_EQ(DumpIndex(*store_), FreshDump({"d"}));
  ExpectSound();
  EXPECT_EQ(Counts(Add({"d"})), "+0 ~0 >0 =4 -0 skipped 0");
}

TEST_F(IndexerTest, SwappedFilesAreUpdatedNotRenamed) {
  WriteOld("a.txt", "This is the first.");
  WriteOld("b.txt", "This is the second.");
  Add({"a.txt", "b.txt"});
  fs::rename("a.txt", "c.txt");
  fs::rename("b.txt", "a.txt");
  fs::rename("c.txt", "b.txt");
  EXPECT_EQ(Counts(Add({"a.txt", "b.txt"})), "+0 ~2 >0 =0 -0 skipped 0");
  EXPECT_EQ(TextOf("a.txt"), "This is the second.");
}

TEST_F(IndexerTest, TwoCopiesOfAGoneFileTakeItsPlaceOnce) {
  WriteOld("d/a.txt", "The same text in several files.");
  Add({"d"});
  fs::rename("d/a.txt", "d/x.txt");
  WriteOld("d/y.txt", "The same text in several files.");
  EXPECT_EQ(Counts(Add({"d"})), "+1 ~0 >1 =0 -0 skipped 0");
  EXPECT_THAT(Names(), ElementsAre("d/x.txt", "d/y.txt"));
  EXPECT_EQ(DumpIndex(*store_), FreshDump({"d"}));
}

TEST_F(IndexerTest, ARenamedFileWhoseTitleIsItsNameIsNotEmbeddedAgain) {
  WriteOld("old name.txt", "A text without any title. It has two sentences.");
  Add({"."});
  fs::rename("old name.txt", "new name.txt");
  const IndexReport report = Add({"."});
  EXPECT_EQ(Counts(report), "+0 ~0 >1 =0 -0 skipped 0");
  EXPECT_EQ(report.chunks, 0);
  EXPECT_EQ(store_->FindDocument("new name.txt")->title, "new name.txt");
  EXPECT_EQ(DumpIndex(*store_), FreshDump({"."}));
  EXPECT_FALSE(store_->LexicalSearch("new", 10).empty());
  EXPECT_TRUE(store_->LexicalSearch("old", 10).empty());
}

TEST_F(IndexerTest, OnlyFilesBelowTheGivenPathsAreRemoved) {
  WriteOld("d/a.txt", "One.");
  WriteOld("e/b.txt", "Two.");
  WriteOld("da/c.txt", "Three.");
  Add({"."});
  for (const char* gone : {"d/a.txt", "e/b.txt", "da/c.txt"}) fs::remove(gone);
  EXPECT_EQ(Counts(Add({"d"})), "+0 ~0 >0 =0 -1 skipped 0");
  EXPECT_THAT(Names(), ElementsAre("da/c.txt", "e/b.txt"));
}

TEST_F(IndexerTest, FilesLeftOutByGlobsStay) {
  WriteOld("d/a.txt", "One.");
  WriteOld("d/b.md", "Two.");
  Add({"d"});
  IndexerOptions options;
  options.include = {"*.md"};
  EXPECT_EQ(Counts(Add({"d"}, options)), "+0 ~0 >0 =1 -0 skipped 0");
  EXPECT_THAT(Names(), ElementsAre("d/a.txt", "d/b.md"));
}

TEST_F(IndexerTest, AMissingPathChangesNothing) {
  WriteOld("d/a.txt", "One.");
  Add({"d"});
  fs::remove("d/a.txt");
  EXPECT_ERROR(Add({"d", "nowhere"}), ErrorCode::kNotFound, "nowhere");
  EXPECT_THAT(Names(), ElementsAre("d/a.txt"));
}

TEST_F(IndexerTest, AFileThatBecameEmptyOrBinaryLosesItsDocument) {
  WriteOld("d/a.txt", "One.");
  WriteOld("d/b.txt", "Two.");
  Add({"d"});
  WriteOld("d/a.txt", "");
  WriteOld("d/b.txt", std::string("\0\1\2\0\0\0\0\3", 8));
  const IndexReport report = Add({"d"});
  EXPECT_EQ(Counts(report), "+0 ~0 >0 =0 -2 skipped 2");
  EXPECT_THAT(Names(), IsEmpty());
  ExpectSound();
}

TEST_F(IndexerTest, ChangedChunksAloneAreEmbeddedAgain) {
  std::string text;
  for (int i = 0; i < 30; ++i) {
    text += "# Part " + std::to_string(i) + "\n\nThis part speaks of matter number " +
            std::to_string(i) + ".\n\n";
  }
  WriteOld("a.md", text);
  const std::int64_t all = Add({"a.md"}).chunks;
  EXPECT_GE(all, 30);
  text.replace(text.find("number 17"), 9, "NUMBER 17");
  WriteOld("a.md", text);
  const IndexReport report = Add({"a.md"});
  EXPECT_EQ(Counts(report), "+0 ~1 >0 =0 -0 skipped 0");
  EXPECT_EQ(report.chunks, 1);
  EXPECT_EQ(DumpIndex(*store_), FreshDump({"a.md"}));
}

TEST_F(IndexerTest, OtherSettingsAreRefusedWithWhatDiffers) {
  WriteOld("a.txt", "One.");
  Add({"a.txt"});
  IndexerOptions options;
  options.chunker.chunk_tokens = 64;
  options.chunker.overlap_tokens = 8;
  EXPECT_ERROR(Add({"a.txt"}, options), ErrorCode::kMismatch, "64");
}

TEST_F(IndexerTest, OfACorpusOnlyChangedDocumentsAreEmbeddedAgain) {
  WriteOld("corpus.jsonl", Line("1", "one") + Line("2", "two") + Line("3", "three"));
  EXPECT_EQ(Counts(Add({"corpus.jsonl"})), "+3 ~0 >0 =0 -0 skipped 0");
  WriteOld("corpus.jsonl", Line("1", "one") + Line("2", "changed") + Line("4", "four"));
  const IndexReport report = Add({"corpus.jsonl"});
  EXPECT_EQ(Counts(report), "+1 ~1 >0 =1 -1 skipped 0");
  EXPECT_EQ(report.chunks, 2);
  EXPECT_THAT(Names(), ElementsAre("1", "2", "4"));
  EXPECT_EQ(TextOf("2"), "changed");
  EXPECT_EQ(DumpIndex(*store_), FreshDump({"corpus.jsonl"}));
}

TEST_F(IndexerTest, ARepeatedIdReplacesWithAWarning) {
  WriteOld("corpus.jsonl", Line("1", "first") + Line("2", "two") + Line("1", "second"));
  const IndexReport report = Add({"corpus.jsonl"});
  EXPECT_EQ(Counts(report), "+2 ~0 >0 =0 -0 skipped 0");
  EXPECT_EQ(report.warnings.size(), 1u);
  EXPECT_EQ(TextOf("1"), "second");
}

TEST_F(IndexerTest, ARenamedCorpusKeepsItsDocuments) {
  WriteOld("d/a.jsonl", Line("1", "one") + Line("2", "two"));
  Add({"d"});
  const DocumentId id = store_->FindDocument("2")->id;
  fs::rename("d/a.jsonl", "d/b.jsonl");
  EXPECT_EQ(Counts(Add({"d"})), "+0 ~0 >2 =0 -0 skipped 0");
  EXPECT_EQ(store_->FindDocument("2")->id, id);
  EXPECT_EQ(store_->FindDocument("2")->source, "d/b.jsonl");
}

TEST_F(IndexerTest, ANameThatTwoSourcesGiveGoesToTheFirstAndIsToldEveryTime) {
  WriteOld("d/a.jsonl", Line("1", "from a") + Line("2", "two"));
  WriteOld("d/b.jsonl", Line("1", "from b") + Line("3", "three"));
  for (int run = 0; run < 2; ++run) {
    const IndexReport report = Add({"d"});
    ASSERT_EQ(report.skipped.size(), 1u);
    EXPECT_THAT(report.skipped[0].reason, HasSubstr("d/a.jsonl"));
    EXPECT_EQ(TextOf("1"), "from a");
  }
  // Once the first lets go of it, the second has it.
  WriteOld("d/a.jsonl", Line("2", "two"));
  EXPECT_THAT(Add({"d"}).skipped, IsEmpty());
  EXPECT_EQ(TextOf("1"), "from b");
  EXPECT_EQ(DumpIndex(*store_), FreshDump({"d"}));
}

TEST_F(IndexerTest, ADocumentMovesFromAGoneCorpusToANewOne) {
  WriteOld("d/a.jsonl", Line("1", "one") + Line("2", "two"));
  Add({"d"});
  fs::remove("d/a.jsonl");
  WriteOld("d/b.jsonl", Line("2", "two") + Line("3", "three"));
  const IndexReport report = Add({"d"});
  EXPECT_EQ(Counts(report), "+1 ~1 >0 =0 -1 skipped 0");
  EXPECT_EQ(report.chunks, 1);
  EXPECT_EQ(DumpIndex(*store_), FreshDump({"d"}));
}

TEST_F(IndexerTest, TheResultDoesNotDependOnGroupsOrThreads) {
  for (int i = 0; i < 12; ++i) {
    WriteOld("d/" + std::to_string(i) + ".txt",
             "Sentence one of " + std::to_string(i) + ". And another one follows it.");
  }
  WriteOld("d/corpus.jsonl", Line("1", "one") + Line("2", "two") + Line("3", "three"));
  Add({"d"});
  const std::vector<std::string> expected = DumpIndex(*store_);
  for (const std::size_t group_bytes : {std::size_t{1}, std::size_t{150}, std::size_t{1} << 20}) {
    for (const int threads : {1, 3}) {
      const TempFolder other;
      const auto store = Store::Open(other.path() / "index", Store::Mode::kWrite);
      IndexerOptions options;
      options.group_bytes = group_bytes;
      ThreadPool pool(threads);
      Indexer(*store, TestEncoder(), options, &pool).Add({"d"});
      EXPECT_EQ(DumpIndex(*store), expected) << group_bytes << " bytes, " << threads << " threads";
    }
  }
}

TEST_F(IndexerTest, AStoppedRunKeepsWhatWasCommittedAndIsTakenUp) {
  std::string corpus;
  for (int i = 0; i < 60; ++i)
    corpus += Line(std::to_string(i), "This document has the number " + std::to_string(i));
  WriteOld("corpus.jsonl", corpus);
  IndexerOptions options;
  options.group_bytes = 400;
  std::stop_source stop;
  Indexer indexer(*store_, TestEncoder(), options, &pool_);
  // The last document of a line is told as progress only at the end of the file: stop from the
  // store's commits instead.
  SetFaultHook([&, commits = 0](std::string_view step) mutable {
    if (step == "sqlite-commit:after" && ++commits == 3) stop.request_stop();
  });
  EXPECT_ERROR(indexer.Add({"corpus.jsonl"}, {}, stop.get_token()), ErrorCode::kCancelled,
               "stopped");
  SetFaultHook({});
  const std::size_t before = Names().size();
  EXPECT_GT(before, 0u);
  EXPECT_LT(before, 60u);
  ExpectSound();
  const IndexReport report = Add({"corpus.jsonl"}, options);
  EXPECT_EQ(report.unchanged, static_cast<std::int64_t>(before));
  EXPECT_EQ(report.added, 60 - static_cast<std::int64_t>(before));
  EXPECT_EQ(DumpIndex(*store_), FreshDump({"corpus.jsonl"}));
}

TEST_F(IndexerTest, RemoveTakesFilesFoldersAndDocumentsOrNothing) {
  WriteOld("d/a.txt", "One.");
  WriteOld("d/b.txt", "Two.");
  WriteOld("e/c.txt", "Three.");
  WriteOld("corpus.jsonl", Line("1", "one") + Line("2", "two"));
  Add({"."});
  EXPECT_ERROR(Remove({"d", "nothing"}), ErrorCode::kNotFound, "nothing");
  EXPECT_EQ(Names().size(), 5u);
  EXPECT_EQ(Remove({"./d/", "2"}), 3);
  EXPECT_THAT(Names(), ElementsAre("1", "e/c.txt"));
  EXPECT_EQ(Remove({"e/c.txt"}), 1);
  EXPECT_EQ(Remove({"corpus.jsonl"}), 1);
  EXPECT_THAT(store_->Sources(), IsEmpty());
  ExpectSound();
}

TEST_F(IndexerTest, CutTokensAreCounted) {
  std::string text;
  for (int i = 0; i < 400; ++i) text += "word ";
  WriteOld("a.txt", text);
  IndexerOptions options;
  options.chunker.chunk_tokens = 0;
  options.chunker.overlap_tokens = 0;
  const IndexReport report = Add({"a.txt"}, options);
  EXPECT_EQ(report.chunks, 1);
  EXPECT_EQ(report.tokens, 256);
  EXPECT_EQ(report.cut_tokens, 400 + 2 - 256);
}

}  // namespace
}  // namespace fovea
