#include "generator/announced.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace fovea {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> Parts(std::string_view text, ByteRange sentence) {
  std::vector<std::string> parts;
  if (const std::optional<Announcement> announcement = AnnouncementOf(text, sentence)) {
    for (const ByteRange& part : announcement->parts) parts.emplace_back(Slice(text, part));
  }
  return parts;
}

// What the sentence that ends with the text's first colon announces.
std::vector<std::string> AfterColon(std::string_view text) {
  const std::size_t end = text.find(':') + 1;
  const std::size_t line = text.substr(0, end).rfind('\n') + 1;
  return Parts(text, {line, end});
}

// What is announced together with the sentence that reads so.
std::vector<std::string> With(std::string_view text, std::string_view sentence) {
  const std::size_t begin = text.find(sentence);
  return Parts(text, {begin, begin + sentence.size()});
}

TEST(Announced, TheFirstSentenceOfEachItemOfAList) {
  EXPECT_THAT(
      AfterColon("There are two modes:\n\n1. Slow. It writes twice.\n\n2. Fast. It does not."
                 "\n\nThe mode is chosen at the start."),
      ElementsAre("Slow.", "Fast."));
}

TEST(Announced, ItemsOfTheSameDepth) {
  EXPECT_THAT(AfterColon("It may be one of:\n\n  - red\n    - dark\n    - light\n  - blue\n\n"
                         "Nothing else.\n\n  - green"),
              ElementsAre("red", "blue"));
  EXPECT_THAT(AfterColon("1. The kind is one of:\n\n  - red\n  - blue\n\n2. The size is any."),
              ElementsAre("red", "blue"));
}

TEST(Announced, TheNextSentenceWhereNoListFollows) {
  EXPECT_THAT(AfterColon("The default is:\n\nALL ROWS\n\nIt means all rows."),
              ElementsAre("ALL ROWS"));
  EXPECT_THAT(AfterColon("The default is:\n\nALL ROWS"), ElementsAre("ALL ROWS"));
}

TEST(Announced, AShortItemIsPartOfItsList) {
  constexpr std::string_view kText =
      "There are two modes:\n\n- Slow.\n- Fast. It writes once and then it waits.\n\n- Alone.";
  EXPECT_THAT(With(kText, "- Slow."), ElementsAre("Slow.", "Fast.", "Alone."));
  EXPECT_THAT(With(kText, "It writes once and then it waits."), IsEmpty());
  EXPECT_THAT(With("Modes.\n\n- Slow.", "- Slow."), IsEmpty());
  EXPECT_THAT(With("Modes:\n\n- Slow is what it is.\n- Fast.", "- Slow is what it is."), IsEmpty());
}

TEST(Announced, WhatStandsUnderAHeading) {
  constexpr std::string_view kText =
      "4.11. The valid() function\n\nIt returns 1 if X is well-formed. Else it returns 0.\n\n"
      "Storage Classes\n\n- NULL\n- TEXT\n\nPart Two\n\nPart Three\n\nThe end";
  EXPECT_THAT(With(kText, "The valid() function"),
              ElementsAre("It returns 1 if X is well-formed."));
  EXPECT_THAT(With(kText, "Storage Classes"), ElementsAre("NULL", "TEXT"));
  EXPECT_THAT(With(kText, "Part Two"), IsEmpty());
  EXPECT_THAT(With(kText, "Part Three"), ElementsAre("The end"));
  EXPECT_THAT(With(kText, "The end"), IsEmpty());
}

TEST(Announced, WhatIsNoHeading) {
  EXPECT_THAT(With("The default is:\n\nALL ROWS\n\nIt means all.", "ALL ROWS"), IsEmpty());
  EXPECT_THAT(With("It is so.\n\nand\n\nIt means all.", "and"), IsEmpty());
  EXPECT_THAT(With("Fine. The Range\n\nIt means all.", "The Range"), IsEmpty());
  EXPECT_THAT(With("The Range\nIt means all.", "The Range\nIt means all."), IsEmpty());
  EXPECT_THAT(With("Is it so?\n\nIt means all.", "Is it so?"), IsEmpty());
  EXPECT_THAT(
      With("One Two Three Four Five Six Seven Eight Nine Ten Eleven Twelve More\n\nSo it is.",
           "One Two Three Four Five Six Seven Eight Nine Ten Eleven Twelve More"),
      IsEmpty());
}

TEST(Announced, NothingWithoutAColonAtTheEnd) {
  constexpr std::string_view kText = "Two modes: slow and fast.\n\n- Slow.";
  EXPECT_THAT(Parts(kText, {0, 25}), IsEmpty());
  EXPECT_THAT(AfterColon("There are two modes:"), IsEmpty());
}

}  // namespace
}  // namespace fovea
