#include "retriever/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <fstream>

#include "lib/base/file.h"
#include "tests/retriever/store_fixtures.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_folder.h"

namespace fovea {
namespace {

using test::Add;
using test::MakeDocument;
using test::OpenWithSettings;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
namespace fs = std::filesystem;

// Runs SQL on the file with a connection of its own, as another program would.
void RunSql(const fs::path& file, const std::string& sql) {
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(file.c_str(), &database), SQLITE_OK);
  char* message = nullptr;
  EXPECT_EQ(sqlite3_exec(database, sql.c_str(), nullptr, nullptr, &message), SQLITE_OK) << message;
  sqlite3_free(message);
  sqlite3_close(database);
}

TEST(Store, ReadingWhereThereIsNoIndexSaysHowToMakeOne) {
  const TempFolder folder;
  EXPECT_ERROR(Store::Open(folder.path(), Store::Mode::kRead), ErrorCode::kNotFound,
               "make one with fovea index");
  EXPECT_ERROR(Store::Open(folder.path() / "missing", Store::Mode::kRead), ErrorCode::kNotFound,
               "no index in");
  const fs::path file = folder.Write("plain", "a file");
  EXPECT_ERROR(Store::Open(file, Store::Mode::kRead), ErrorCode::kNotFound, "no index in");
  EXPECT_ERROR(Store::Open(file, Store::Mode::kWrite), ErrorCode::kIo, "plain");
}

TEST(Store, KeepsSettingsSourcesDocumentsChunksAndVectors) {
  const TempFolder folder;
  const auto made = MakeDocument("a.txt", std::string(100, 'a') + " été", 7);
  {
    auto store = OpenWithSettings(folder.path());
    store->Begin();
    Add(*store, made);
    store->Commit();
  }
  auto store = Store::Open(folder.path(), Store::Mode::kRead);
  EXPECT_EQ(store->settings(), test::Settings());
  EXPECT_EQ(store->generation(), 2);
  const StoreCounts counts = store->counts();
  EXPECT_EQ(counts.sources, 1);
  EXPECT_EQ(counts.documents, 1);
  EXPECT_EQ(counts.chunks, 3);
  EXPECT_EQ(counts.text_bytes, 106);
  const auto source = store->FindSource("a.txt");
  ASSERT_TRUE(source);
  EXPECT_EQ(source->content_hash, "hash of a.txt");
  EXPECT_EQ(source->modified_ns, 5);
  const auto document = store->FindDocument("a.txt");
  ASSERT_TRUE(document);
  EXPECT_EQ(document->title, "Title of a.txt");
  EXPECT_EQ(document->metadata_json, "{}");
  EXPECT_EQ(store->DocumentText(document->id), made.document.text);
  EXPECT_EQ(store->DocumentText(document->id, {99, 103}), "a é");
  const auto chunks = store->ChunksOfDocument(document->id);
  ASSERT_EQ(chunks.size(), 3u);
  std::vector<ChunkId> ids;
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    EXPECT_EQ(chunks[i].second.range, made.chunks[i].range);
    EXPECT_EQ(chunks[i].second.heading, "Part");
    EXPECT_EQ(chunks[i].second.tokens, 7);
    EXPECT_EQ(store->Vector(chunks[i].first), made.vectors[i]);
    ids.push_back(chunks[i].first);
  }
  std::swap(ids[0], ids[2]);
  ids.push_back(ChunkId{999});
  const auto passages = store->Passages(ids);
  ASSERT_EQ(passages.size(), 3u);
  EXPECT_EQ(passages[0].text, made.document.text.substr(80));
  EXPECT_EQ(passages[0].document, "a.txt");
  EXPECT_EQ(passages[2].range, (ByteRange{0, 40}));
  EXPECT_THAT(store->Check(), IsEmpty());
  EXPECT_ERROR(store->DocumentText(DocumentId{77}), ErrorCode::kNotFound, "77");
  EXPECT_ERROR(store->Vector(ChunkId{77}), ErrorCode::kNotFound, "77");
}

TEST(Store, ReadsRangesOfATextOfManyParts) {
  const TempFolder folder;
  std::string text;
  while (text.size() < 300'000) text += std::to_string(text.size()) + " ";
  auto store = OpenWithSettings(folder.path());
  store->Begin();
  const DocumentId id = Add(*store, MakeDocument("long", text, 1, 50'000));
  store->Commit();
  EXPECT_EQ(store->DocumentText(id), text);
  for (const std::size_t at : {0u, 65'535u, 65'536u, 131'000u, 299'000u}) {
    for (const std::size_t size : {0u, 1u, 2u, 1'000u}) {
      EXPECT_EQ(store->DocumentText(id, {at, at + size}), text.substr(at, size));
    }
  }
  EXPECT_EQ(store->DocumentText(id, {10, 200'000}), text.substr(10, 199'990));
  EXPECT_ERROR(store->DocumentText(id, {0, text.size() + 1}), ErrorCode::kCorrupt, "lacks bytes");
  EXPECT_THAT(store->Check(), IsEmpty());
}

TEST(Store, AddingADocumentOfTheSameNameReplacesItAndIdsAreNeverReused) {
  const TempFolder folder;
  auto store = OpenWithSettings(folder.path());
  store->Begin();
  const DocumentId first = Add(*store, MakeDocument("a", "walrus in the water"));
  const ChunkId old_chunk = store->ChunksOfDocument(first)[0].first;
  const DocumentId second = Add(*store, MakeDocument("a", "penguin on the ice"));
  store->Commit();
  EXPECT_NE(first, second);
  EXPECT_EQ(store->counts().documents, 1);
  EXPECT_THAT(store->LexicalSearch("walrus", 5), IsEmpty());
  EXPECT_EQ(store->LexicalSearch("penguin", 5).size(), 1u);
  store->Begin();
  store->RemoveDocument(second);
  const DocumentId third = Add(*store, MakeDocument("b", "whale"));
  store->Commit();
  EXPECT_GT(Value(third), Value(second));
  EXPECT_GT(Value(store->ChunksOfDocument(third)[0].first), Value(old_chunk) + 1);
  EXPECT_THAT(store->Check(), IsEmpty());
}

TEST(Store, RemovingASourceTakesItsDocumentsOut) {
  const TempFolder folder;
  auto store = OpenWithSettings(folder.path());
  store->Begin();
  store->PutSource({.path = "corpus.jsonl", .content_hash = "", .size = 1, .modified_ns = 0});
  for (const char* name : {"d1", "d2"}) {
    const auto made = MakeDocument(name, "text of one");
    store->AddDocument(made.document, "corpus.jsonl", "", made.NewChunks());
  }
  Add(*store, MakeDocument("other", "stays"));
  store->Commit();
  EXPECT_EQ(store->DocumentsOfSource("corpus.jsonl").size(), 2u);
  store->Begin();
  store->RemoveSource("corpus.jsonl");
  store->Commit();
  EXPECT_FALSE(store->FindSource("corpus.jsonl"));
  EXPECT_FALSE(store->FindDocument("d1"));
  EXPECT_TRUE(store->FindDocument("other"));
  EXPECT_EQ(store->counts().chunks, 1);
  EXPECT_THAT(store->Check(), IsEmpty());
}

TEST(Store, RenamingASourceKeepsIdsAndRenamesTheDocumentThatBearsItsName) {
  const TempFolder folder;
  auto store = OpenWithSettings(folder.path());
  store->Begin();
  const DocumentId id = Add(*store, MakeDocument("old.txt", "some words"));
  Add(*store, MakeDocument("taken.txt", "more words"));
  store->RenameSource("old.txt", "new.txt");
  EXPECT_ERROR(store->RenameSource("new.txt", "taken.txt"), ErrorCode::kInvalidArgument,
               "taken.txt");
  EXPECT_ERROR(store->RenameSource("nothing", "x"), ErrorCode::kNotFound, "nothing");
  store->Commit();
  ASSERT_TRUE(store->FindDocument("new.txt"));
  EXPECT_EQ(store->FindDocument("new.txt")->id, id);
  EXPECT_EQ(store->FindDocument("new.txt")->source, "new.txt");
  EXPECT_FALSE(store->FindDocument("old.txt"));
  EXPECT_FALSE(store->FindSource("old.txt"));
  EXPECT_THAT(store->Check(), IsEmpty());
}

TEST(Store, ARolledBackTransactionLeavesNothing) {
  const TempFolder folder;
  auto store = OpenWithSettings(folder.path());
  const std::int64_t generation = store->generation();
  store->Begin();
  const DocumentId id = Add(*store, MakeDocument("a", "first text of the id"));
  EXPECT_EQ(store->DocumentText(id, {0, 5}), "first");
  store->Rollback();
  EXPECT_EQ(store->counts().documents, 0);
  EXPECT_EQ(store->generation(), generation);
  store->Begin();
  const DocumentId again = Add(*store, MakeDocument("b", "other text"));
  EXPECT_EQ(store->DocumentText(again, {0, 5}), "other");
  store->Commit();
  EXPECT_THAT(store->Check(), IsEmpty());
}

TEST(Store, ChangesNeedATransactionAndAWriter) {
  const TempFolder folder;
  auto store = OpenWithSettings(folder.path());
  EXPECT_ERROR(store->PutSource({}), ErrorCode::kInvalidArgument, "transaction");
  EXPECT_ERROR(store->Commit(), ErrorCode::kInvalidArgument, "transaction");
  store->Begin();
  EXPECT_ERROR(store->Begin(), ErrorCode::kInvalidArgument, "already open");
  store->Rollback();
  store.reset();
  store = Store::Open(folder.path(), Store::Mode::kRead);
  EXPECT_ERROR(store->Begin(), ErrorCode::kInvalidArgument, "opened for reading");
}

TEST(Store, RefusesChunksThatDoNotFit) {
  const TempFolder folder;
  auto store = OpenWithSettings(folder.path());
  store->Begin();
  auto outside = MakeDocument("a", "text");
  outside.chunks[0].range.end = 5;
  EXPECT_ERROR(Add(*store, outside), ErrorCode::kInvalidArgument, "outside");
  auto narrow = MakeDocument("a", "text");
  narrow.vectors[0].pop_back();
  EXPECT_ERROR(Add(*store, narrow), ErrorCode::kInvalidArgument, "15 dimensions");
  auto infinite = MakeDocument("a", "text");
  infinite.vectors[0][3] = std::numeric_limits<float>::infinity();
  EXPECT_ERROR(Add(*store, infinite), ErrorCode::kInvalidArgument, "finite");
  const auto good = MakeDocument("a", "text");
  EXPECT_ERROR(store->AddDocument(good.document, "nowhere", "", good.NewChunks()),
               ErrorCode::kNotFound, "nowhere");
  store->Commit();
  EXPECT_EQ(store->counts().documents, 0);
  EXPECT_THAT(store->Check(), IsEmpty());
}

TEST(Store, KeepsNamesAndTextsWithAnyBytes) {
  const TempFolder folder;
  auto store = OpenWithSettings(folder.path());
  const std::string name("dir/\xff\xfe'\"*[x] \n;--", 18);
  std::string text("a\0b \xef\xbb\xbf quote ' \" NEAR(", 20);
  store->Begin();
  const DocumentId id = Add(*store, MakeDocument(name, text));
  store->Commit();
  ASSERT_TRUE(store->FindDocument(name));
  EXPECT_EQ(store->FindDocument(name)->name, name);
  EXPECT_EQ(store->DocumentText(id), text);
  EXPECT_THAT(store->Check(), IsEmpty());
  store->Begin();
  store->RemoveSource(name);
  store->Commit();
  EXPECT_EQ(store->counts().chunks, 0);
  EXPECT_THAT(store->Check(), IsEmpty());
}

TEST(Store, ListsDocumentsByNameAndMatchesGlobs) {
  const TempFolder folder;
  auto store = OpenWithSettings(folder.path());
  store->Begin();
  for (const char* name : {"docs/b.md", "docs/deep/a.md", "src/c.cc", "docs/é.txt"}) {
    Add(*store, MakeDocument(name, "words of it"));
  }
  store->Commit();
  std::vector<std::string> names;
  store->ForEachDocument([&](const DocumentRecord& document) {
    names.push_back(document.name);
    return names.size() < 3;
  });
  EXPECT_THAT(names, ElementsAre("docs/b.md", "docs/deep/a.md", "docs/é.txt"));
  EXPECT_EQ(store->DocumentsMatching("").size(), 4u);
  EXPECT_EQ(store->DocumentsMatching("docs/*").size(), 3u);
  EXPECT_EQ(store->DocumentsMatching("*.md").size(), 2u);
  EXPECT_EQ(store->DocumentsMatching("docs/?.txt").size(), 1u);
  EXPECT_EQ(store->DocumentsMatching("*/[ab].md").size(), 2u);
  EXPECT_EQ(store->DocumentsMatching("[").size(), 0u);
  EXPECT_EQ(store->CountChunksMatching("docs/*"), 3);
  EXPECT_EQ(store->LexicalSearch("words", 10, "docs/*").size(), 3u);
  EXPECT_EQ(store->LexicalSearch("words", 2, "docs/*").size(), 2u);
  EXPECT_ERROR(store->DocumentsMatching(std::string(60'000, '*')), ErrorCode::kInvalidArgument,
               "filter");
  EXPECT_ERROR(store->LexicalSearch("words", 2, std::string(60'000, '*')),
               ErrorCode::kInvalidArgument, "filter");
}

TEST(Store, ASecondWriterIsToldWhichProcessIndexes) {
  const TempFolder folder;
  auto store = OpenWithSettings(folder.path());
  EXPECT_ERROR(Store::Open(folder.path(), Store::Mode::kWrite), ErrorCode::kBusy,
               "is being indexed by process " + std::to_string(getpid()));
  store.reset();
  EXPECT_NO_THROW(Store::Open(folder.path(), Store::Mode::kWrite));
}

TEST(Store, ASnapshotDoesNotSeeWhatIsCommittedMeanwhile) {
  const TempFolder folder;
  auto writer = OpenWithSettings(folder.path());
  auto reader = Store::Open(folder.path(), Store::Mode::kRead);
  reader->BeginSnapshot();
  const std::int64_t generation = reader->generation();
  writer->Begin();
  Add(*writer, MakeDocument("a", "new words"));
  writer->Commit();
  EXPECT_EQ(reader->generation(), generation);
  EXPECT_EQ(reader->counts().documents, 0);
  EXPECT_THAT(reader->LexicalSearch("words", 3), IsEmpty());
  EXPECT_ERROR(reader->BeginSnapshot(), ErrorCode::kInvalidArgument, "already open");
  reader->EndSnapshot();
  EXPECT_EQ(reader->generation(), generation + 1);
  EXPECT_EQ(reader->LexicalSearch("words", 3).size(), 1u);
}

TEST(Store, RefusesFilesThatAreNotItsOwn) {
  const TempFolder folder;
  const auto both = [&](ErrorCode code, const std::string& part) {
    EXPECT_ERROR(Store::Open(folder.path(), Store::Mode::kRead), code, part);
    EXPECT_ERROR(Store::Open(folder.path(), Store::Mode::kWrite), code, part);
  };
  const fs::path file = folder.Write("fovea.sqlite", std::string(20'000, 'x'));
  both(ErrorCode::kCorrupt, "fovea.sqlite");
  fs::remove(file);
  RunSql(file, "CREATE TABLE recipes(name); PRAGMA user_version = 3;");
  const std::string before = ReadFile(file);
  both(ErrorCode::kUnsupported, "another program");
  EXPECT_EQ(ReadFile(file), before);
  fs::remove(file);
  OpenWithSettings(folder.path());
  RunSql(file, "PRAGMA user_version = 999;");
  both(ErrorCode::kUnsupported, "newer version");
}

TEST(Store, AnEmptyFileIsNoIndexYet) {
  const TempFolder folder;
  folder.Write("fovea.sqlite", "");
  EXPECT_ERROR(Store::Open(folder.path(), Store::Mode::kRead), ErrorCode::kNotFound, "no index in");
  EXPECT_EQ(OpenWithSettings(folder.path())->settings(), test::Settings());
}

TEST(Store, ATruncatedDatabaseIsReportedNotRead) {
  const TempFolder folder;
  {
    auto store = OpenWithSettings(folder.path());
    store->Begin();
    for (int i = 0; i < 50; ++i) {
      Add(*store, MakeDocument(std::to_string(i), std::string(2'000, 'y'), 1, 500));
    }
    store->Commit();
  }
  const fs::path file = folder.path() / "fovea.sqlite";
  for (const std::uintmax_t share : {2u, 10u, 1000u}) {
    fs::resize_file(file, fs::file_size(file) / share);
    EXPECT_ERROR(Store::Open(folder.path(), Store::Mode::kRead), ErrorCode::kCorrupt, "damaged");
    EXPECT_ERROR(Store::Open(folder.path(), Store::Mode::kWrite), ErrorCode::kCorrupt, "damaged");
  }
}

TEST(Store, CheckFindsWhatSqliteCannotKnow) {
  const TempFolder folder;
  {
    auto store = OpenWithSettings(folder.path());
    store->Begin();
    Add(*store, MakeDocument("a", "some words of the first document, éééé ü"));
    Add(*store, MakeDocument("b", "some words of the second document"));
    store->Commit();
  }
  const fs::path file = folder.path() / "fovea.sqlite";
  const std::string healthy = ReadFile(file);
  const auto problem_after = [&](const std::string& sql, const std::string& part) {
    std::ofstream(file, std::ios::binary) << healthy;
    RunSql(file, sql);
    for (const Store::Mode mode : {Store::Mode::kRead, Store::Mode::kWrite}) {
      const auto problems = Store::Open(folder.path(), mode)->Check();
      EXPECT_THAT(problems, ::testing::Contains(::testing::HasSubstr(part))) << sql;
    }
  };
  problem_after("UPDATE vectors SET vector = x'00000000' WHERE chunk = 1", "has 4 bytes");
  problem_after("UPDATE vectors SET vector = zeroblob(64) WHERE chunk = 1",
                "vector of chunk 1 is damaged");
  problem_after("DELETE FROM vectors WHERE chunk = 2", "has no vector");
  problem_after("UPDATE texts SET bytes = upper(bytes) WHERE document = 1",
                "text of document 1 is damaged");
  problem_after("DELETE FROM texts WHERE document = 2", "bytes of its text are stored");
  problem_after("UPDATE chunks SET range_end = 1000 WHERE id = 1", "lies outside");
  problem_after("UPDATE chunks SET range_end = 35 WHERE id = 1", "cuts a character in two");
  problem_after("UPDATE chunks SET heading = 'zebra' WHERE id = 1", "postings");
  problem_after("UPDATE documents SET source = 99 WHERE id = 1", "missing row");
}

TEST(Store, RepairRebuildsThePostingsFromTheTexts) {
  const TempFolder folder;
  {
    auto store = OpenWithSettings(folder.path());
    store->Begin();
    Add(*store, MakeDocument("a", "walrus"));
    Add(*store, MakeDocument("b", "penguin"));
    store->Commit();
  }
  RunSql(folder.path() / "fovea.sqlite", "INSERT INTO postings(postings) VALUES ('delete-all')");
  auto store = Store::Open(folder.path(), Store::Mode::kWrite);
  EXPECT_THAT(store->LexicalSearch("walrus", 3), IsEmpty());
  EXPECT_THAT(store->Check(), ElementsAre(::testing::HasSubstr("postings")));
  store->Repair();
  EXPECT_THAT(store->Check(), IsEmpty());
  EXPECT_EQ(store->LexicalSearch("walrus", 3).size(), 1u);
}

}  // namespace
}  // namespace fovea
