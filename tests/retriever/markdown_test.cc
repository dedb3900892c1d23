#include "retriever/markdown.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/retriever/loader_fixtures.h"

namespace fovea {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> Paths(const MarkupOutline& outline) {
  Document document;
  document.sections = outline.sections;
  return HeadingPaths(document);
}

TEST(MarkdownOutline, FindsAtxAndSetextHeadings) {
  const std::string text =
      "Before.\n\n# Top #\n\nText.\n\nMiddle\n------\nmore\n\n### Deep `code` and [link](x)\n\n"
      "Other\n=====\n";
  const MarkupOutline outline = MarkdownOutline(text);
  EXPECT_THAT(Paths(outline),
              ElementsAre("", "Top", "Top > Middle", "Top > Middle > Deep code and link", "Other"));
  EXPECT_EQ(outline.title, "Top");
  EXPECT_EQ(outline.sections[2].range.begin, text.find("Middle"));
}

TEST(MarkdownOutline, SectionsCoverTheTextWithoutOverlap) {
  const std::string text = "\xEF\xBB\xBF# A\r\nx\r\n## B\r\ny\r\n";
  const MarkupOutline outline = MarkdownOutline(text);
  ASSERT_EQ(outline.sections.size(), 3u);  // the byte order mark, A, B
  std::size_t at = 0;
  for (const Section& section : outline.sections) {
    EXPECT_EQ(section.range.begin, at);
    at = section.range.end;
  }
  EXPECT_EQ(at, text.size());
  EXPECT_THAT(Paths(outline), ElementsAre("", "A", "A > B"));
}

TEST(MarkdownOutline, CodeCommentsAndRulesAreNoHeadings) {
  const MarkupOutline outline = MarkdownOutline(
      "# Real\n\n```sh\n# a comment\nx\n---\n```\n\n    # indented\n\n<!--\n# hidden\n-->\n\n"
      "- item\n---\n\n#hashtag\n\n####### seven\n\n~~~~\n# in tildes\n~~~\n# still\n~~~~\n");
  EXPECT_THAT(Paths(outline), ElementsAre("Real"));
}

TEST(MarkdownOutline, FrontMatterGivesTheTitle) {
  const MarkupOutline outline =
      MarkdownOutline("---\nauthor: x\ntitle: \"The Title\"\n# comment\n---\n# Heading\n");
  EXPECT_EQ(outline.title, "The Title");
  EXPECT_THAT(Paths(outline), ElementsAre("", "Heading"));
  EXPECT_EQ(MarkdownOutline("---\nnever closed\n\n# H\n").title, "H");
}

TEST(MarkdownOutline, AnUnclosedFenceRunsToTheEnd) {
  EXPECT_THAT(Paths(MarkdownOutline("# A\n```\n# B\n")), ElementsAre("A"));
}

TEST(RstOutline, LevelsFollowTheOrderOfAppearance) {
  const MarkupOutline outline = RstOutline(
      "=====\nTitle\n=====\n\nText\n\nFirst\n-----\n\nx\n\nInner\n^^^^^\n\nSecond\n------\n\ny\n");
  EXPECT_THAT(Paths(outline),
              ElementsAre("Title", "Title > First", "Title > First > Inner", "Title > Second"));
  EXPECT_EQ(outline.title, "Title");
}

TEST(AsciiDocOutline, EqualSignsAreHeadingsOutsideOfListings) {
  const MarkupOutline outline =
      AsciiDocOutline("= Title\n\n== One\n\n----\n== not\n----\n\n=== Two\n");
  EXPECT_THAT(Paths(outline), ElementsAre("Title", "Title > One", "Title > One > Two"));
}

TEST(SectionsOf, AMissingLevelDoesNotBreakThePath) {
  Document document;
  document.sections = SectionsOf({{0, 1, "A"}, {5, 3, "B"}, {9, 2, "C"}, {12, 1, "D"}}, 20);
  EXPECT_THAT(HeadingPaths(document), ElementsAre("A", "A > B", "A > C", "D"));
}

}  // namespace
}  // namespace fovea
