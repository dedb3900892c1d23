#include "generator/doubt.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace fovea {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Ranges = std::vector<ByteRange>;

// Remembers what it was given to read; finds an answer in a passage without doubt that says "42".
class RecordingReader final : public Reader {
 public:
  Reading Read(std::string_view, std::span<const ReaderInput> passages, const ReadOptions&,
               ThreadPool*) const override {
    Reading reading;
    reading.none_weight = 1;
    std::vector<Ranges> doubtful;
    for (const ReaderInput& input : passages) {
      doubtful.push_back(input.doubtful);
      const std::size_t at = input.passage->text.find("42");
      if (at != std::string::npos && DoubtAt(input, at) == 0) reading.none_weight = 0.1f;
    }
    reading.passages.resize(passages.size());
    read.push_back(doubtful);
    return reading;
  }
  float abstain_threshold() const override { return 0.5f; }
  std::string name() const override { return "recording"; }

  mutable std::vector<std::vector<Ranges>> read;
};

std::vector<std::vector<Ranges>> ReadAll(const std::vector<std::string>& texts) {
  std::vector<Passage> passages;
  for (const std::string& text : texts) {
    passages.emplace_back();
    passages.back().text = text;
    passages.back().range = {0, text.size()};
  }
  const RecordingReader reader;
  ReadWithDoubt(reader, "Where is the robot?", std::vector<Hit>(texts.size()), passages, {},
                nullptr);
  return reader.read;
}

constexpr const char* kTurn = "The robot.\nUser: Hi\nAssistant: 42";
const ByteRange kTurnRange = {11, 33};

TEST(Doubt, WhatIsAboutTheQuestionAndStatedIsReadWithoutAny) {
  EXPECT_THAT(ReadAll({"The robot is 42.", "A robot."}),
              ElementsAre(ElementsAre(IsEmpty(), IsEmpty())));
}

TEST(Doubt, APassageWithoutAWordOfTheQuestionIsDoubtedAsAWhole) {
  const std::string other = "The answer is 42.";
  EXPECT_THAT(ReadAll({"The robot.", other}),
              ElementsAre(ElementsAre(IsEmpty(), Ranges{{0, other.size()}})));
}

TEST(Doubt, TheQuestionItselfIsNoAnswer) {
  EXPECT_THAT(ReadAll({"The robot is 42. Q: Where is the robot? A: 43."}),
              ElementsAre(ElementsAre(Ranges{{17, 39}})));
}

TEST(Doubt, TurnsAreDoubtedWhereAStatementAnswers) {
  EXPECT_THAT(ReadAll({"The robot is 42.", kTurn}),
              ElementsAre(ElementsAre(IsEmpty(), Ranges{kTurnRange})));
}

TEST(Doubt, TurnsAnswerWhereNothingElseDoes) {
  EXPECT_THAT(
      ReadAll({"The robot.", kTurn}),
      ElementsAre(ElementsAre(IsEmpty(), Ranges{kTurnRange}), ElementsAre(IsEmpty(), IsEmpty())));
}

}  // namespace
}  // namespace fovea
