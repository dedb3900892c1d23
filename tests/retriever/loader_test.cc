#include "retriever/loader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/retriever/loader_fixtures.h"

namespace fovea {
namespace {

using namespace std::string_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(LoadDocuments, TextMarkdownAndCodeAreTheFileByteForByte) {
  const std::string bytes = "\xEF\xBB\xBF# T\xC3\xAFtle\r\n\r\n  two \t\r\n\0after"s;
  const std::string text = Repeated("line\r\n", 2000) + bytes;
  for (const char* name : {"a.txt", "a.md", "a.py", "a.unknown", "README"}) {
    const Loaded loaded = Load(name, text);
    ASSERT_THAT(loaded.documents, SizeIs(1)) << name;
    EXPECT_EQ(loaded.documents[0].text, text);
    EXPECT_EQ(loaded.documents[0].name, name);
    EXPECT_THAT(loaded.warnings, IsEmpty());
  }
}

TEST(LoadDocuments, FormatsAndTitles) {
  EXPECT_EQ(Load("d/a.txt", "x").documents.at(0).title, "a.txt");
  EXPECT_EQ(Load("a.md", "# H\nx").documents.at(0).title, "H");
  EXPECT_EQ(Load("a.md", "x").documents.at(0).title, "a.md");
  EXPECT_EQ(Load("a.md", "x").documents.at(0).format, "markdown");
  EXPECT_EQ(Load("a.cc", "int x;").documents.at(0).format, "code");
  EXPECT_EQ(Load("Makefile", "all:").documents.at(0).format, "code");
  EXPECT_EQ(Load("a.html", "<p>x").documents.at(0).title, "a.html");
  EXPECT_EQ(Load("page", " <!DOCTYPE html><title>T</title><p>x").documents.at(0).format, "html");
  EXPECT_THAT(HeadingPaths(Load("a.rst", "Head\n====\nx").documents.at(0)), ElementsAre("Head"));
  EXPECT_THAT(HeadingPaths(Load("a.txt", "# no\n").documents.at(0)), ElementsAre(""));
}

TEST(LoadDocuments, WhatHasNoTextIsSkippedWithItsReason) {
  const auto reason = [](const char* name, std::string_view bytes) {
    const Loaded loaded = Load(name, bytes);
    EXPECT_THAT(loaded.documents, IsEmpty()) << name;
    EXPECT_THAT(loaded.skipped, SizeIs(1)) << name;
    EXPECT_FALSE(loaded.skipped.at(0).keep_stored);
    return loaded.skipped.at(0).reason;
  };
  EXPECT_EQ(reason("a.txt", ""), "empty");
  EXPECT_EQ(reason("a.txt", " \r\n\t\xC2\xA0"), "only white space");
  EXPECT_EQ(reason("a.txt", "\xEF\xBB\xBF\n"), "only white space");
  EXPECT_EQ(reason("a.html", "<script>x</script>"), "no text in the page");
  EXPECT_EQ(reason("a.txt", "ab\0cd"s), "binary (NUL bytes)");
  EXPECT_THAT(reason("a.pdf", "%PDF-1.4 text"), HasSubstr("pdftotext"));
  EXPECT_THAT(reason("called.txt",
                     "\x7F"
                     "ELF\x02\x01\x01\0"s),
              HasSubstr("ELF"));
  EXPECT_THAT(reason("a.docx", "PK\x03\x04\x14\0"s), HasSubstr("office document"));
  EXPECT_THAT(reason("a", "\x1F\x8B\x08\0"s), HasSubstr("gunzip"));
  EXPECT_THAT(reason("a.txt", "\x89PNG\r\n\x1A\n"), HasSubstr("PNG"));
}

TEST(LoadDocuments, TextThatBeginsLikeABinaryFormatIsRead) {
  EXPECT_THAT(Load("a.txt", "ID3 tags are described here.").documents, SizeIs(1));
  EXPECT_THAT(Load("a.txt", "RIFF is a format.").documents, SizeIs(1));
}

TEST(LoadDocuments, LargeFilesAreSkipped) {
  LoaderOptions options;
  options.max_file_bytes = std::size_t{1} << 20;
  const Loaded loaded = Load("a.txt", std::string((1 << 20) + 1, 'x'), options);
  ASSERT_THAT(loaded.skipped, SizeIs(1));
  EXPECT_THAT(loaded.skipped[0].reason, HasSubstr("1 MiB"));
  EXPECT_THAT(Load("a.txt", std::string(1 << 20, 'x'), options).documents, SizeIs(1));
}

TEST(LoadDocuments, RepairsAreCountedInAWarningThatNamesTheFile) {
  const Loaded loaded = Load("d/\xFFname.txt", "Brücken über Flüsse \xC3 und \xE2\x82 Täler");
  ASSERT_THAT(loaded.documents, SizeIs(1));
  EXPECT_EQ(loaded.documents[0].text, "Brücken über Flüsse \xEF\xBF\xBD und \xEF\xBF\xBD Täler");
  EXPECT_EQ(loaded.documents[0].repaired_bytes, 3);
  EXPECT_THAT(loaded.warnings,
              ElementsAre("d/\\xFFname.txt: 3 bytes are not valid UTF-8 and became U+FFFD"));
}

TEST(LoadDocuments, ConvertedTextIsWhatIsStored) {
  const Loaded loaded = Load("a.md", "\xFF\xFE#\0 \0H\0\n\0x\0"s);
  ASSERT_THAT(loaded.documents, SizeIs(1));
  EXPECT_EQ(loaded.documents[0].text, "# H\nx");
  EXPECT_EQ(loaded.documents[0].encoding, "UTF-16LE");
  EXPECT_EQ(loaded.documents[0].title, "H");
}

TEST(LoadDocuments, EmptyCallbacksAreAllowed) {
  LoadDocuments("a.txt", "a.txt", "x", LoaderOptions(), LoaderSink());
  LoadDocuments("a.txt", "a.txt", "", LoaderOptions(), LoaderSink());
}

TEST(IsLoadable, SkipsWhatHoldsNoTextAndOurOwnFiles) {
  for (const char* name :
       {"a.txt", "a.MD", "a.html", "a.cc", "README", "a.pdf", "a.docx", "a.xyz"}) {
    EXPECT_TRUE(IsLoadable(name)) << name;
  }
  for (const char* name : {"a.png", "a.JPG", "a.tar.gz", "a.so", "a.o", "a.sqlite", "fovea.sqlite",
                           "fovea.sqlite-wal", "vectors.12.faiss",
                           "vectors.12.index", "vectors.13.index.tmp"}) {
    EXPECT_FALSE(IsLoadable(name)) << name;
  }
}

}  // namespace
}  // namespace fovea
