#include "retriever/source_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "tests/support/temp_folder.h"

namespace fovea {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::int64_t kLongAgo = 1'600'000'000'000'000'000;

SourceFile FileAt(const std::filesystem::path& path, std::int64_t modified_ns = kLongAgo) {
  return {.name = path.string(),
          .size = static_cast<std::int64_t>(std::filesystem::file_size(path)),
          .modified_ns = modified_ns};
}

std::vector<std::string> Texts(const LoadedFile& file) {
  std::vector<std::string> texts;
  VisitDocuments(file, {}, [&](const Document& document, const std::string& hash) {
    EXPECT_EQ(hash, HashOf(document));
    texts.push_back(document.text);
    return true;
  });
  return texts;
}

TEST(SourceFile, AnOldFileIsKnownByItsTimeAndSize) {
  TempFolder folder;
  const SourceFile file = FileAt(folder.Write("a.txt", "Some text."));
  const LoadedFile loaded = LoadFile(file, nullptr, {});
  EXPECT_EQ(loaded.document_count, 1u);
  EXPECT_TRUE(LooksUnchanged(file, loaded.record));
  SourceFile touched = file;
  touched.modified_ns += 1;
  EXPECT_FALSE(LooksUnchanged(touched, loaded.record));
  SourceFile grown = file;
  grown.size += 1;
  EXPECT_FALSE(LooksUnchanged(grown, loaded.record));
  EXPECT_TRUE(LoadFile(touched, &loaded.record, {}).unchanged);
}

TEST(SourceFile, AFileWrittenJustNowIsComparedByContentNextTime) {
  TempFolder folder;
  const std::filesystem::path path = folder.Write("a.txt", "Some text.");
  const auto now = std::chrono::duration_cast<std::chrono::nanoseconds>(
                       std::chrono::system_clock::now().time_since_epoch())
                       .count();
  const SourceFile file = FileAt(path, now);
  const LoadedFile loaded = LoadFile(file, nullptr, {});
  EXPECT_FALSE(LooksUnchanged(file, loaded.record));
  EXPECT_TRUE(LoadFile(file, &loaded.record, {}).unchanged);
  // Same size, same time, other content: what a clock with coarse steps hides.
  folder.Write("a.txt", "Same size!");
  EXPECT_FALSE(LoadFile(file, &loaded.record, {}).unchanged);
}

TEST(SourceFile, ARecordWithoutHashIsNeverUnchanged) {
  TempFolder folder;
  const SourceFile file = FileAt(folder.Write("a.txt", "Some text."));
  SourceRecord record{
      .path = file.name, .content_hash = "", .size = file.size, .modified_ns = file.modified_ns};
  EXPECT_FALSE(LooksUnchanged(file, record));
}

TEST(SourceFile, AFileThatCannotBeReadIsKeptAndTold) {
  TempFolder folder;
  SourceFile file = FileAt(folder.Write("a.txt", "Some text."));
  std::filesystem::remove(file.name);
  const LoadedFile loaded = LoadFile(file, nullptr, {});
  ASSERT_TRUE(loaded.failure.has_value());
  EXPECT_TRUE(loaded.failure->keep_stored);
  EXPECT_EQ(loaded.failure->document, file.name);
  EXPECT_THAT(loaded.failure->reason, HasSubstr("No such file"));
}

TEST(SourceFile, ATooLargeFileIsNotReadAndNotKept) {
  TempFolder folder;
  const std::filesystem::path path = folder.Write("a.txt", "x");
  std::filesystem::resize_file(path, 1'000'000'000);  // Sparse: no disk is used.
  const LoadedFile loaded = LoadFile(FileAt(path), nullptr, {});
  ASSERT_TRUE(loaded.failure.has_value());
  EXPECT_FALSE(loaded.failure->keep_stored);
  EXPECT_THAT(loaded.failure->reason, HasSubstr("256 MiB"));
}

std::string Line(const std::string& id, const std::string& text) {
  return R"({"_id": ")" + id + R"(", "title": "", "text": ")" + text + "\"}\n";
}

TEST(SourceFile, TheLastOfSeveralDocumentsOfOneNameCounts) {
  TempFolder folder;
  const auto path =
      folder.Write("corpus.jsonl", Line("1", "one") + Line("2", "two") + Line("1", "other"));
  const LoadedFile loaded = LoadFile(FileAt(path), nullptr, {});
  EXPECT_EQ(loaded.document_count, 2u);
  EXPECT_THAT(Texts(loaded), ElementsAre("two", "other"));
  ASSERT_EQ(loaded.warnings.size(), 1u);
  EXPECT_THAT(loaded.warnings[0], HasSubstr("1 document"));
}

TEST(SourceFile, ALargeCorpusGivesTheSameDocumentsWithoutKeepingThem) {
  TempFolder folder;
  std::string text;
  std::vector<std::string> expected;
  for (int i = 0; i < 6000; ++i) {
    const std::string body = "document " + std::to_string(i) + " " + std::string(1000, 'x');
    text += Line(std::to_string(i), body);
    expected.push_back(body);
  }
  text += Line("0", "the last word");
  expected.erase(expected.begin());
  expected.push_back("the last word");
  const LoadedFile loaded = LoadFile(FileAt(folder.Write("corpus.jsonl", text)), nullptr, {});
  EXPECT_TRUE(loaded.documents.empty());
  EXPECT_EQ(loaded.document_count, 6000u);
  EXPECT_EQ(Texts(loaded), expected);
}

TEST(SourceFile, TheHashSeesEveryPartButTheName) {
  const Document document{.name = "n", .title = "t", .text = "text", .sections = {{{"h"}, {0, 4}}}};
  const std::string hash = HashOf(document);
  Document other = document;
  other.name = "another";
  EXPECT_EQ(HashOf(other), hash);
  const auto differs = [&](auto change) {
    Document changed = document;
    change(changed);
    return HashOf(changed) != hash;
  };
  EXPECT_TRUE(differs([](Document& d) { d.title = "u"; }));
  EXPECT_TRUE(differs([](Document& d) { d.text = "texts"; }));
  EXPECT_TRUE(differs([](Document& d) { d.metadata_json = R"({"a":1})"; }));
  EXPECT_TRUE(differs([](Document& d) { d.format = "html"; }));
  EXPECT_TRUE(differs([](Document& d) { d.sections[0].heading_path = {"h", "i"}; }));
  EXPECT_TRUE(differs([](Document& d) { d.sections[0].range.end = 3; }));
  // What moves from one field to the next is another document.
  EXPECT_TRUE(differs([](Document& d) {
    d.title = "tt";
    d.text = "ext";
  }));
}

}  // namespace
}  // namespace fovea
