// Files that are not what they should be: each is repaired, or skipped and told, and the rest is
// indexed.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "lib/base/thread_pool.h"
#include "retriever/indexer.h"
#include "tests/e2e/index_process.h"
#include "tests/support/models.h"
#include "tests/support/temp_folder.h"

namespace fovea {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class IndexBadInputTest : public ::testing::Test {
 protected:
  IndexBadInputTest() : docs_(folder_.path() / "docs"), index_(folder_.path() / "index") {
    Put("good.txt", "A sound file among bad ones.");
  }

  void Put(const std::string& name, std::string_view bytes) {
    folder_.Write("docs/" + name, bytes);
  }

  // What one run reports: a line a skipped document ("name: reason"), then the warnings.
  std::vector<std::string> Index() {
    ThreadPool pool(2);
    const auto store = Store::Open(index_, Store::Mode::kWrite);
    const IndexReport report = Indexer(*store, TestEncoder(), {}, &pool).Add({docs_});
    std::vector<std::string> told;
    for (const SkippedDocument& skipped : report.skipped)
      told.push_back(Short(skipped.document) + ": " + skipped.reason);
    for (const std::string& warning : report.warnings) told.push_back(Short(warning));
    EXPECT_THAT(store->Check(), IsEmpty());
    return told;
  }
  std::string Short(const std::string& text) const {
    const std::string start = docs_.string() + "/";
    return text.starts_with(start) ? text.substr(start.size()) : text;
  }
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    Store::Open(index_, Store::Mode::kRead)->ForEachDocument([&](const DocumentRecord& document) {
      names.push_back(Short(document.name));
      return true;
    });
    return names;
  }
  std::string TextOf(const std::string& name) const {
    const auto store = Store::Open(index_, Store::Mode::kRead);
    const auto document = store->FindDocument((docs_ / name).string());
    return document ? store->DocumentText(document->id) : "(none)";
  }

  TempFolder folder_;
  fs::path docs_;
  fs::path index_;
};

TEST_F(IndexBadInputTest, EmptyAndBinaryFilesAreSkippedWithTheReason) {
  Put("empty.txt", "");
  Put("blank.txt", " \n\t\n");
  Put("binary.txt", std::string("\x7f"
                                "ELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0>\0\x01\0\0\0",
                                24));
  auto told = Index();
  EXPECT_EQ(told.size(), 3u);
  Put("noise.txt", std::string("\x01\0\x80\0\xf3\0\0\x1b\0\x02\0\0", 12));
  told = Index();
  EXPECT_EQ(told.size(), 4u);
  EXPECT_THAT(told, Contains(HasSubstr("empty.txt: ")));
  EXPECT_THAT(told, Contains(HasSubstr("blank.txt: ")));
  EXPECT_THAT(told, Contains(HasSubstr("binary.txt: program (ELF)")));
  EXPECT_THAT(told, Contains(HasSubstr("noise.txt: binary")));
  EXPECT_THAT(Names(), ElementsAre("good.txt"));
}

TEST_F(IndexBadInputTest, OtherEncodingsBecomeUtf8) {
  Put("utf16.txt", std::string_view("\xff\xfe"
                                    "n\0a\0\xef\0v\0e\0 \0t\0e\0x\0t\0",
                                    22));
  Put("latin1.txt", "Le caf\xe9 est ferm\xe9 apr\xe8s le d\xeener, \xe0 la f\xeate de No\xebl.");
  Index();
  EXPECT_EQ(TextOf("utf16.txt"), "na\u00efve text");
  EXPECT_THAT(TextOf("latin1.txt"), HasSubstr("caf\u00e9"));
}

TEST_F(IndexBadInputTest, BrokenUtf8IsRepairedAndCounted) {
  Put("broken.txt",
      "Valid text, mostly \u00e4\u00f6\u00fc\u00df in UTF-8, then \xff one bad byte, \u00e9 "
      "again.");
  const auto told = Index();
  ASSERT_EQ(told.size(), 1u);
  EXPECT_THAT(told[0], HasSubstr("broken.txt"));
  EXPECT_THAT(told[0], HasSubstr("1 byte"));
  EXPECT_THAT(TextOf("broken.txt"), HasSubstr("\ufffd"));
}

TEST_F(IndexBadInputTest, AHugeFileOfOneLineIsSkippedWithoutReadingIt) {
  Put("huge.txt", "x");
  fs::resize_file(docs_ / "huge.txt", 1'000'000'000);
  const auto told = Index();
  ASSERT_EQ(told.size(), 1u);
  EXPECT_THAT(told[0], HasSubstr("huge.txt: larger than 256 MiB"));
  EXPECT_THAT(Names(), ElementsAre("good.txt"));
}

TEST_F(IndexBadInputTest, ALineOfAMillionLettersAndDeepHtmlAreIndexed) {
  Put("line.txt", std::string(1'000'000, 'a'));
  std::string html = "<html><body>";
  for (int i = 0; i < 100'000; ++i) html += "<div>";
  html += "The needle lies deep.";
  Put("deep.html", html);
  Index();
  EXPECT_THAT(Names(), Contains("line.txt"));
  // Nested deeper than any page: read to some depth or skipped, but never a crash.
  EXPECT_THAT(Names(), Contains("good.txt"));
}

TEST_F(IndexBadInputTest, LinkLoopsEnd) {
  fs::create_directory_symlink(".", docs_ / "self");
  fs::create_directory_symlink("../docs", docs_ / "again");
  Index();
  EXPECT_THAT(Names(), ElementsAre("good.txt"));
}

TEST_F(IndexBadInputTest, NamesThatAreNotUtf8AndOddOnesAreFilesLikeAnyOther) {
  Put("bad\xff name.txt", "One.");
  Put("new\nline.txt", "Two.");
  Put("* [x] 'q' \".txt", "Three.");
  Index();
  EXPECT_EQ(Names().size(), 4u);
  EXPECT_EQ(TextOf("new\nline.txt"), "Two.");
  EXPECT_EQ(TextOf("bad\xff name.txt"), "One.");
  EXPECT_THAT(Index(), IsEmpty());
}

TEST_F(IndexBadInputTest, ABrokenLineOfACorpusCostsThatLineAlone) {
  Put("corpus.jsonl", R"({"_id": "1", "title": "", "text": "first"}
{"_id": "2", "title": "", "text": "cut off
{"_id": 
{"_id": "4", "title": "", "text": "fourth"}
)");
  const auto told = Index();
  EXPECT_EQ(told.size(), 2u);
  EXPECT_THAT(told, Contains(HasSubstr("corpus.jsonl:2")));
  EXPECT_THAT(Names(), UnorderedElementsAre("1", "4", "good.txt"));
}

// As root nothing is unreadable: the second run is another user's.
TEST_F(IndexBadInputTest, AnUnreadableFileOrFolderIsKeptAndTold) {
  Put("secret.txt", "It was readable once.");
  Put("closed/inner.txt", "So was this.");
  Index();
  const auto before = Names();
  ASSERT_EQ(before.size(), 3u);
  fs::permissions(folder_.path(), fs::perms::all);
  for (const auto& entry : fs::recursive_directory_iterator(index_))
    fs::permissions(entry.path(), fs::perms::all);
  fs::permissions(index_, fs::perms::all);
  fs::permissions(docs_ / "secret.txt", fs::perms::none);
  fs::permissions(docs_ / "closed", fs::perms::none);
  test::Child child([&](int pipe) {
    TestEncoder();
    if (getuid() == 0 && (setegid(65534) != 0 || seteuid(65534) != 0)) _exit(4);
    for (const std::string& line : Index()) {
      const std::string text = line + "\n";
      if (write(pipe, text.data(), text.size()) < 0) _exit(3);
    }
  });
  const std::string told = child.Read();
  EXPECT_FALSE(child.Wait());
  EXPECT_EQ(child.exit_status(), 0);
  fs::permissions(docs_ / "closed", fs::perms::owner_all);
  EXPECT_THAT(told, HasSubstr("secret.txt: "));
  EXPECT_THAT(told, HasSubstr("closed: "));
  EXPECT_THAT(told, HasSubstr("Permission denied"));
  EXPECT_EQ(Names(), before);
}

}  // namespace
}  // namespace fovea
