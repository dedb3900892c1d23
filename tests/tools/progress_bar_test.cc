#include "tools/progress_bar.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace fovea::tools {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

const ProgressBar::Clock::time_point kStart{seconds(1000)};

struct Recorder {
  std::vector<std::string> pieces;
  ProgressBar::Sink Sink() {
    return [this](std::string_view text) { pieces.emplace_back(text); };
  }
};

TEST(ProgressBar, SaysOneLineForEveryTenthWithRateAndTimeLeft) {
  Recorder recorder;
  ProgressBar bar(ProgressBar::Form::kLines, 80, recorder.Sink());
  for (int done = 0; done <= 200; ++done)
    bar.Update({"embedding", static_cast<std::uint64_t>(done), 200},
               kStart + milliseconds(100 * done));
  ASSERT_EQ(recorder.pieces.size(), 10u);
  EXPECT_EQ(recorder.pieces[0], "embedding: 10 %  20/200  10/s  0:18 left\n");
  EXPECT_EQ(recorder.pieces[4], "embedding: 50 %  100/200  10/s  0:10 left\n");
  EXPECT_EQ(recorder.pieces[9], "embedding: 100 %  200/200  10/s\n");
}

TEST(ProgressBar, SkipsTenthsThatAreJumpedOver) {
  Recorder recorder;
  ProgressBar bar(ProgressBar::Form::kLines, 80, recorder.Sink());
  bar.Update({"reading", 0, 3}, kStart);
  bar.Update({"reading", 2, 3}, kStart + seconds(4));
  bar.Update({"reading", 3, 3}, kStart + seconds(6));
  EXPECT_THAT(recorder.pieces, ElementsAre("reading: 66 %  2/3  0.50/s  0:02 left\n",
                                           "reading: 100 %  3/3  0.50/s\n"));
}

TEST(ProgressBar, SaysNothingOfAStageWhoseTotalIsUnknown) {
  Recorder recorder;
  ProgressBar bar(ProgressBar::Form::kLines, 80, recorder.Sink());
  bar.Update({"walking", 5, 0}, kStart);
  bar.Update({"walking", 500, 0}, kStart + seconds(5));
  EXPECT_THAT(recorder.pieces, IsEmpty());
}

TEST(ProgressBar, StartsTheTenthsAnewWithEachStage) {
  Recorder recorder;
  ProgressBar bar(ProgressBar::Form::kLines, 80, recorder.Sink());
  bar.Update({"one", 1, 1}, kStart);
  bar.Update({"two", 1, 2}, kStart + seconds(1));
  EXPECT_THAT(recorder.pieces, ElementsAre(StartsWith("one: 100 %"), StartsWith("two: 50 %")));
}

TEST(ProgressBar, WritesNothingWhenQuiet) {
  Recorder recorder;
  ProgressBar bar(ProgressBar::Form::kNone, 80, recorder.Sink());
  bar.Update({"embedding", 1, 1}, kStart);
  bar.Clear();
  EXPECT_THAT(recorder.pieces, IsEmpty());
}

TEST(ProgressBar, DrawsABarThatFitsTheTerminalAtMostTenTimesASecond) {
  Recorder recorder;
  ProgressBar bar(ProgressBar::Form::kBar, 60, recorder.Sink());
  for (int ms = 0; ms < 1000; ++ms)
    bar.Update({"embedding", static_cast<std::uint64_t>(ms), 2000}, kStart + milliseconds(ms));
  EXPECT_LE(recorder.pieces.size(), 11u);
  EXPECT_THAT(recorder.pieces.back(), HasSubstr("["));
  for (const std::string& piece : recorder.pieces)
    EXPECT_LE(piece.size() - std::string("\r\033[K").size(), 60u) << piece;
}

TEST(ProgressBar, DrawsTheEndAtOnceAndClearsTheLine) {
  Recorder recorder;
  ProgressBar bar(ProgressBar::Form::kBar, 80, recorder.Sink());
  bar.Update({"embedding", 1, 2}, kStart);
  bar.Update({"embedding", 2, 2}, kStart + milliseconds(1));
  EXPECT_THAT(recorder.pieces.back(), HasSubstr("100 %  2/2"));
  bar.Clear();
  EXPECT_EQ(recorder.pieces.back(), "\r\033[K");
  const std::size_t count = recorder.pieces.size();
  bar.Clear();
  EXPECT_EQ(recorder.pieces.size(), count);
}

TEST(FormatDuration, CountsMinutesAndHours) {
  EXPECT_EQ(FormatDuration(0), "0:00");
  EXPECT_EQ(FormatDuration(7.4), "0:07");
  EXPECT_EQ(FormatDuration(59.6), "1:00");
  EXPECT_EQ(FormatDuration(750), "12:30");
  EXPECT_EQ(FormatDuration(3723), "1:02:03");
}

TEST(FormatRate, KeepsAboutThreeDigits) {
  EXPECT_EQ(FormatRate(0.517), "0.52");
  EXPECT_EQ(FormatRate(7.14), "7.1");
  EXPECT_EQ(FormatRate(88.4), "88");
  EXPECT_EQ(FormatRate(12400), "12400");
}

}  // namespace
}  // namespace fovea::tools
