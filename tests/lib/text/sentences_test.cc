#include "lib/text/sentences.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace fovea {
namespace {

using Strings = std::vector<std::string>;

Strings Split(std::string_view text) {
  Strings sentences;
  for (const ByteRange range : SplitSentences(text)) sentences.emplace_back(Slice(text, range));
  return sentences;
}

void ExpectOne(const std::string& text) { EXPECT_EQ(Split(text), Strings{text}); }

TEST(Sentences, EndAtFullStopsQuestionsAndExclamations) {
  EXPECT_EQ(Split("One. Two? Three! Four"), (Strings{"One.", "Two?", "Three!", "Four"}));
  EXPECT_EQ(Split("  One.\n Two.  "), (Strings{"One.", "Two."}));
  EXPECT_EQ(Split("Really?! Yes!!! Done."), (Strings{"Really?!", "Yes!!!", "Done."}));
}

TEST(Sentences, OfNothingAreNone) {
  EXPECT_TRUE(Split("").empty());
  EXPECT_TRUE(Split(" \t\r\n\u00A0\u3000\u2028 ").empty());
}

TEST(Sentences, WithoutAnyBorderAreOne) {
  ExpectOne("no terminal punctuation at all");
  ExpectOne("x");
  ExpectOne(".");
}

TEST(Sentences, GoOnBehindAbbreviations) {
  ExpectOne("Dr. Smith and Mrs. Jones met Prof. Lee on Mt. Everest.");
  ExpectOne("Use a filter, e.g. WHERE, i.e. a condition.");
  ExpectOne("The U.S. Government and J. R. R. Tolkien agree.");
  ExpectOne("See Fig. 3, No. 5, pp. 10 and Sec. 2 vs. Sec. 3.");
  ExpectOne("Apples, pears, etc. are fruit.");
  ExpectOne("Smith et al. showed it on Jan. 5 at 3 p.m. sharp.");
}

TEST(Sentences, EndBehindAnAbbreviationWhereANewOneClearlyBegins) {
  EXPECT_EQ(Split("He lives in the U.S. The house is old."),
            (Strings{"He lives in the U.S.", "The house is old."}));
  EXPECT_EQ(Split("Apples, pears, etc. They are fruit."),
            (Strings{"Apples, pears, etc.", "They are fruit."}));
  EXPECT_EQ(Split("The answer is no. Then he left."),
            (Strings{"The answer is no.", "Then he left."}));
}

TEST(Sentences, KeepNumbersVersionsAndFileNamesWhole) {
  ExpectOne("Pi is 3.14159 and SQLite is at 3.40.1 now.");
  ExpectOne("Edit main.c, lib.rs or https://example.org/a.b?c=d before.");
  EXPECT_EQ(Split("It needs 3.40.1. It was 3.8 once."),
            (Strings{"It needs 3.40.1.", "It was 3.8 once."}));
  EXPECT_EQ(Split("There were 5. 10 are left."), (Strings{"There were 5.", "10 are left."}));
}

TEST(Sentences, TakeClosingQuotesBracketsAndFootnotesWithThem) {
  EXPECT_EQ(Split("He said \"Stop.\" She did. (Really.) So."),
            (Strings{"He said \"Stop.\"", "She did.", "(Really.)", "So."}));
  EXPECT_EQ(Split("\u201CYes.\u201D \u2018No.\u2019 End."),
            (Strings{"\u201CYes.\u201D", "\u2018No.\u2019", "End."}));
  EXPECT_EQ(Split("It works.[12] That helps.[3][4] Fine."),
            (Strings{"It works.[12]", "That helps.[3][4]", "Fine."}));
  EXPECT_EQ(Split("**Bold end.** Next one."), (Strings{"**Bold end.**", "Next one."}));
}

TEST(Sentences, GoOnInSmallLetters) {
  ExpectOne("\"What?\" he asked.");
  ExpectOne("Wait... what is this?");
  ExpectOne("It goes on \u2026 and on.");
  ExpectOne("Yahoo! was a company.");
  EXPECT_EQ(Split("Well\u2026 Then it ended."), (Strings{"Well\u2026", "Then it ended."}));
}

TEST(Sentences, MayBeginWithANameOutOfCode) {
  EXPECT_EQ(Split("Call it first. sqlite3_step() runs it. iPhone users too."),
            (Strings{"Call it first.", "sqlite3_step() runs it.", "iPhone users too."}));
}

TEST(Sentences, EndAtBlankLinesOnly) {
  EXPECT_EQ(Split("wrapped\nover lines\n\nnew paragraph"),
            (Strings{"wrapped\nover lines", "new paragraph"}));
  EXPECT_EQ(Split("a\r\nb\r\n\r\nc\r\rd"), (Strings{"a\r\nb", "c", "d"}));
  EXPECT_EQ(Split("a\n \t\u00A0\nb"), (Strings{"a", "b"}));
}

TEST(Sentences, EndAtListItems) {
  EXPECT_EQ(Split("Things:\n- one\n- two is\n  longer\n* three\n\u2022 four"),
            (Strings{"Things:", "- one", "- two is\n  longer", "* three", "\u2022 four"}));
  EXPECT_EQ(Split("1. First. More.\n2. Second\n10) Tenth\n(a) Letter"),
            (Strings{"1. First.", "More.", "2. Second", "10) Tenth", "(a) Letter"}));
  ExpectOne("this\n-is not a list");
}

TEST(Sentences, EndAtHeadingsAndTableRows) {
  EXPECT_EQ(Split("# Title\nText one.\n## Next\nmore"),
            (Strings{"# Title", "Text one.", "## Next", "more"}));
  EXPECT_EQ(Split("Title\n=====\nText\nSub\n---\nmore"),
            (Strings{"Title\n=====", "Text\nSub\n---", "more"}));
  EXPECT_EQ(Split("| a | b |\n|---|---|\n| c. D | e |"),
            (Strings{"| a | b |", "|---|---|", "| c.", "D | e |"}));
  EXPECT_EQ(Split("one\ttwo\tthree\nfour\tfive\tsix"),
            (Strings{"one\ttwo\tthree", "four\tfive\tsix"}));
}

TEST(Sentences, AreLinesInsideACodeFence) {
  EXPECT_EQ(Split("Do:\n```c\nint a = 1. ;\nb. C\n```\nThen. Go."),
            (Strings{"Do:", "```c", "int a = 1. ;", "b. C", "```", "Then.", "Go."}));
}

TEST(Sentences, EndAtStatementsOfCode) {
  EXPECT_EQ(Split("int f() {\n  return g(1);\n}\nint x;"),
            (Strings{"int f() {", "return g(1);", "}", "int x;"}));
}

TEST(Sentences, EndAtWideFullStops) {
  EXPECT_EQ(Split("\u4E2D\u6587\u3002\u597D\uFF01\u662F\uFF1F\u7EC8"),
            (Strings{"\u4E2D\u6587\u3002", "\u597D\uFF01", "\u662F\uFF1F", "\u7EC8"}));
}

TEST(Sentences, KeepAByteOrderMarkAndControlCharacters) {
  EXPECT_EQ(Split("\uFEFF# Title\ntext"), (Strings{"\uFEFF# Title", "text"}));
  const std::string text("a\0b. C", 6);
  EXPECT_EQ(Split(text), (Strings{std::string("a\0b.", 4), "C"}));
}

// Quadratic work on any of these would take hours.
TEST(Sentences, TakeTimeLinearInTheText) {
  for (const std::string piece : {"a", ".", ". ", "((", ". (", "\n", "- ", "|", "[1", ".[1]",
                                  "\u3002", "`", "#", " ", "a.b."}) {
    std::string text;
    while (text.size() < 2000000) text += piece;
    const std::vector<ByteRange> sentences = SplitSentences(text);
    EXPECT_LE(sentences.size(), text.size());
  }
}

}  // namespace
}  // namespace fovea
