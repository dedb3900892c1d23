#include "retriever/beir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/retriever/loader_fixtures.h"

namespace fovea {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(LoadBeir, EveryLineIsADocument) {
  const Loaded loaded =
      Load("corpus.jsonl",
           "\xEF\xBB\xBF{\"_id\": \"a\", \"title\": \"T\", \"text\": \"Body \\u00e9\", "
           "\"url\": \"u\", \"n\": 3}\r\n\r\n{\"text\": \"x\", \"_id\": 17}\n"
           "{\"_id\": \"a\", \"text\": \"again\", \"title\": null}");
  ASSERT_THAT(loaded.documents, SizeIs(3));
  EXPECT_THAT(loaded.skipped, IsEmpty());
  EXPECT_EQ(loaded.documents[0].name, "a");
  EXPECT_EQ(loaded.documents[0].title, "T");
  EXPECT_EQ(loaded.documents[0].text, "Body é");
  EXPECT_EQ(loaded.documents[0].metadata_json, R"({"n":3,"url":"u"})");
  EXPECT_EQ(loaded.documents[0].format, "beir");
  ASSERT_THAT(loaded.documents[0].sections, SizeIs(1));
  EXPECT_EQ(loaded.documents[0].sections[0].range, (ByteRange{0, 7}));
  EXPECT_EQ(loaded.documents[1].name, "17");
  EXPECT_EQ(loaded.documents[1].metadata_json, "{}");
  EXPECT_EQ(loaded.documents[2].name, "a");  // whoever stores it replaces the first
}

TEST(LoadBeir, BadLinesAreSkippedByNumberAndReason) {
  const Loaded loaded =
      Load("corpus.jsonl",
           "{\"_id\": \"1\", \"text\": \"x\"}\n"
           "{broken\n"
           "[1]\n"
           "\n"
           "{\"text\": \"x\"}\n"
           "{\"_id\": \"2\", \"text\": 5}\n"
           "{\"_id\": \"\", \"text\": \"x\"}\n"
           "{\"_id\": \"3\", \"text\": \"  \", \"title\": \"\"}\n"
           "{\"_id\": {}, \"text\": \"x\"}\n" +
               ("{\"_id\": \"4\", \"text\": \"x\", \"m\": " + std::string(100000, '[') +
                std::string(100000, ']') + "}\n"));
  EXPECT_THAT(loaded.documents, SizeIs(1));
  ASSERT_THAT(loaded.skipped, SizeIs(8));
  EXPECT_EQ(loaded.skipped[0].document, "corpus.jsonl:2");
  EXPECT_EQ(loaded.skipped[0].reason, "not valid JSON");
  EXPECT_EQ(loaded.skipped[1].reason, "not a JSON object");
  EXPECT_EQ(loaded.skipped[2].document, "corpus.jsonl:5");
  EXPECT_EQ(loaded.skipped[2].reason, "no `_id`");
  EXPECT_EQ(loaded.skipped[3].reason, "`text` is not a string");
  EXPECT_EQ(loaded.skipped[4].reason, "`_id` is empty");
  EXPECT_EQ(loaded.skipped[5].reason, "no text and no title");
  EXPECT_THAT(loaded.skipped[6].reason, HasSubstr("neither a string nor a number"));
  EXPECT_EQ(loaded.skipped[7].document, "corpus.jsonl:10");
}

TEST(LoadBeir, ADocumentOfATitleAloneIsNotLost) {
  const Loaded loaded =
      Load("corpus.jsonl", "{\"_id\": \"471\", \"title\": \"only a title\", \"text\": \"\"}");
  ASSERT_THAT(loaded.documents, SizeIs(1));
  EXPECT_EQ(loaded.documents[0].text, "only a title");
  EXPECT_EQ(loaded.documents[0].title, "only a title");
}

TEST(LoadBeir, OtherJsonLinesAreReadAsTextWithAWarning) {
  const Loaded loaded = Load("events.jsonl", "{\"event\": \"start\"}\n{\"event\": \"stop\"}\n");
  ASSERT_THAT(loaded.documents, SizeIs(1));
  EXPECT_EQ(loaded.documents[0].name, "events.jsonl");
  EXPECT_EQ(loaded.documents[0].format, "text");
  ASSERT_THAT(loaded.warnings, SizeIs(1));
  EXPECT_THAT(loaded.warnings[0], HasSubstr("not BEIR"));
}

}  // namespace
}  // namespace fovea
