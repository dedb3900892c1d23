#include "tools/option_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <clocale>

#include "tests/support/temp_folder.h"
#include "tools/usage_error.h"

namespace fovea::tools {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct Parsed {
  bool flag = false;
  std::string text = "default";
  std::vector<std::string> list;
  std::string choice = "red";
  int count = 7;
  std::optional<int> maybe;
  float number = 0.5f;
  std::vector<std::string> names;

  void Parse(const std::vector<std::string>& arguments, const ConfigEntries& config = {}) {
    OptionTable table;
    table.Flag("flag", &flag, "a flag");
    table.Text("text", &text, "TEXT", "a text");
    table.TextList("list", &list, "GLOB", "a list");
    table.Choice("choice", &choice, {"red", "green"}, "a choice");
    table.Integer("k", &count, 1, "a count");
    table.Integer("maybe", &maybe, 0, "a count that may be left out");
    table.Number("number", &number, 0, 2, "a number");
    table.Positional("NAME", &names, 0, 2);
    table.Parse(arguments, config, "ask");
  }
};

std::string UsageMessage(const std::vector<std::string>& arguments,
                         const ConfigEntries& config = {}) {
  try {
    Parsed().Parse(arguments, config);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "no error";
}

TEST(OptionTable, ReadsEveryKindOfOptionAndKeepsDefaultsOfTheOthers) {
  Parsed parsed;
  parsed.Parse({"one", "--flag", "--text", "t", "--list=a", "--list", "b", "-k", "3", "two",
                "--number=1.25"});
  EXPECT_TRUE(parsed.flag);
  EXPECT_EQ(parsed.text, "t");
  EXPECT_THAT(parsed.list, ElementsAre("a", "b"));
  EXPECT_EQ(parsed.choice, "red");
  EXPECT_EQ(parsed.count, 3);
  EXPECT_EQ(parsed.maybe, std::nullopt);
  EXPECT_EQ(parsed.number, 1.25f);
  EXPECT_THAT(parsed.names, ElementsAre("one", "two"));
}

TEST(OptionTable, TakesWordsAfterTwoDashesAndALoneDashAsTheyAre) {
  Parsed parsed;
  parsed.Parse({"-", "--", "--flag"});
  EXPECT_FALSE(parsed.flag);
  EXPECT_THAT(parsed.names, ElementsAre("-", "--flag"));
}

TEST(OptionTable, NamesTheOptionThatIsWrong) {
  EXPECT_THAT(UsageMessage({"-k", "0"}),
              HasSubstr("-k: expected a whole number from 1 on, not \"0\""));
  EXPECT_THAT(UsageMessage({"-k", "-1"}), HasSubstr("-k: expected"));
  EXPECT_THAT(UsageMessage({"-k", "3x"}), HasSubstr("-k: expected"));
  EXPECT_THAT(UsageMessage({"-k", "99999999999999999999"}), HasSubstr("-k: expected"));
  EXPECT_THAT(UsageMessage({"--maybe", "1.5"}),
              HasSubstr("--maybe: expected a whole number from 0 on"));
  EXPECT_THAT(UsageMessage({"--number", "2.5"}),
              HasSubstr("--number: expected a number from 0 to 2"));
  EXPECT_THAT(UsageMessage({"--number", "nan"}), HasSubstr("--number: expected"));
  EXPECT_THAT(UsageMessage({"--number", "1,5"}), HasSubstr("--number: expected"));
  EXPECT_THAT(UsageMessage({"--choice", "blue"}),
              HasSubstr("--choice: expected red|green, not \"blue\""));
  EXPECT_THAT(UsageMessage({"--text", ""}), HasSubstr("--text: expected"));
  EXPECT_THAT(UsageMessage({"--text"}), HasSubstr("--text"));
  EXPECT_THAT(UsageMessage({"--unknown"}), HasSubstr("--unknown"));
  EXPECT_THAT(UsageMessage({"--flag=yes"}), HasSubstr("--flag"));
  EXPECT_THAT(UsageMessage({"--fla"}),
              HasSubstr("--fla"));  // No guessing: a later option may begin the same.
  EXPECT_THAT(UsageMessage({"--text", "a", "--text", "b"}),
              HasSubstr("--text: given more than once"));
  EXPECT_THAT(UsageMessage({"a", "b", "c"}), HasSubstr("unexpected argument \"c\""));
}

TEST(OptionTable, SaysWhichArgumentIsMissing) {
  OptionTable table;
  std::vector<std::string> paths;
  table.Positional("PATH", &paths, 1, 9);
  try {
    table.Parse({}, {}, "index");
    ADD_FAILURE() << "no error";
  } catch (const UsageError& error) {
    EXPECT_STREQ(error.what(), "missing PATH");
  }
}

TEST(OptionTable, TheCommandLineWinsOverTheSectionAndTheSectionOverTheRest) {
  const ConfigEntries config{"f.ini",
                             {{"ask.k", "4"},
                              {"k", "2"},
                              {"text", "from file"},
                              {"flag", "true"},
                              {"list", "x"},
                              {"list", "y"},
                              {"search.number", "1"},
                              {"other", "9"}}};
  Parsed parsed;
  parsed.Parse({"--text", "given"}, config);
  EXPECT_EQ(parsed.count, 4);
  EXPECT_EQ(parsed.text, "given");
  EXPECT_TRUE(parsed.flag);
  EXPECT_THAT(parsed.list, ElementsAre("x", "y"));
  EXPECT_EQ(parsed.number, 0.5f) << "another command's section";

  Parsed replaced;
  replaced.Parse({"--list", "z"}, config);
  EXPECT_THAT(replaced.list, ElementsAre("z"));
}

TEST(OptionTable, NamesTheFileWhoseValueIsWrong) {
  EXPECT_THAT(UsageMessage({}, {"f.ini", {{"k", "none"}}}), HasSubstr("f.ini: k: expected"));
  EXPECT_THAT(UsageMessage({}, {"f.ini", {{"flag", "perhaps"}}}),
              HasSubstr("f.ini: flag: expected true or false"));
}

TEST(OptionTable, KnowsWhichOptionsTakeAValue) {
  OptionTable table;
  bool flag = false;
  int count = 0;
  table.Flag("json", &flag, "");
  table.Integer("k", &count, 1, "");
  EXPECT_TRUE(table.TakesValue("-k"));
  EXPECT_FALSE(table.TakesValue("-k5"));
  EXPECT_FALSE(table.TakesValue("--json"));
  EXPECT_FALSE(table.TakesValue("--nothing"));
}

TEST(OptionTable, HelpNamesEveryOptionWithItsValueInEightyColumns) {
  OptionTable table;
  std::string text;
  table.Text("a-long-name-for-an-option", &text, "SOMETHING",
             std::string(40, 'x') + " " + std::string(40, 'y'));
  const std::string help = table.Help();
  EXPECT_THAT(help, HasSubstr("--a-long-name-for-an-option SOMETHING"));
  std::istringstream lines(help);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80u) << line;
}

TEST(ParseNumber, DoesNotDependOnTheLocale) {
  // Where the machine has a locale with a decimal comma, it is used; from_chars never looks at it.
  std::setlocale(LC_ALL, "de_DE.UTF-8");
  EXPECT_EQ(ParseNumber("0.25"), 0.25);
  EXPECT_EQ(ParseNumber("0,25"), std::nullopt);
  std::setlocale(LC_ALL, "C");
}

TEST(ReadConfigFile, ReadsNamesSectionsAndComments) {
  const TempFolder folder;
  const auto file =
      folder.Write("f.ini", "# a comment\nk = 5\ntext = two words\n\n[ask]\nk=6 # here too\n");
  const ConfigEntries entries = ReadConfigFile(file.string());
  EXPECT_THAT(entries.values, ElementsAre(std::pair("k", "5"), std::pair("text", "two words"),
                                          std::pair("ask.k", "6")));
}

TEST(ReadConfigFile, RefusesALineThatIsNoEntry) {
  const TempFolder folder;
  const auto file = folder.Write("f.ini", "k = 5\nnonsense\n");
  EXPECT_THROW(ReadConfigFile(file.string()), UsageError);
}

}  // namespace
}  // namespace fovea::tools
