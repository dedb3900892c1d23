#include "generator/announced.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace fovea {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// What the sentence that ends with the text's first colon announces.
std::vector<std::string> AfterColon(std::string_view text) {
  const std::size_t end = text.find(':') + 1;
  const std::size_t line = text.substr(0, end).rfind('\n') + 1;
  std::vector<std::string> parts;
  for (const ByteRange& range : Announced(text, {line, end}))
    parts.emplace_back(Slice(text, range));
  return parts;
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

TEST(Announced, NothingWithoutAColonAtTheEnd) {
  constexpr std::string_view kText = "Two modes: slow and fast.\n\n- Slow.";
  EXPECT_THAT(Announced(kText, {0, 25}), IsEmpty());
  EXPECT_THAT(AfterColon("There are two modes:"), IsEmpty());
}

}  // namespace
}  // namespace fovea
