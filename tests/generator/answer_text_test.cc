#include "generator/answer_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "lib/text/sentences.h"

namespace fovea {
namespace {

using ::testing::ElementsAre;

// The text's sentences as evidence, each a tenth lighter than the one before.
class QuoteTest : public ::testing::Test {
 protected:
  void Quote(std::string text, int max_words = 40) {
    passages_.resize(1);
    passages_[0].text = std::move(text);
    passages_[0].range = {100, 100 + passages_[0].text.size()};
    std::vector<EvidenceSentence> sentences;
    float weight = 1;
    for (const ByteRange& range : SplitSentences(passages_[0].text)) {
      sentences.push_back({0, range, Slice(passages_[0].text, range), weight});
      weight *= 0.9f;
    }
    std::stable_partition(sentences.begin(), sentences.end(),
                          [&](const EvidenceSentence& s) { return s.text == best_; });
    AskOptions options;
    options.max_words = max_words;
    text_.clear();
    const auto announced = AnnouncementOf(passages_[0].text, sentences.front().range);
    for (const std::string& piece : fovea::Quote(passages_, sentences, announced, options, answer_))
      text_ += piece;
  }
  std::vector<std::string> Cited() const {
    std::vector<std::string> cited;
    for (const Citation& citation : answer_.citations) {
      const ByteRange range = {citation.range.begin - 100, citation.range.end - 100};
      EXPECT_EQ(citation.text, Slice(passages_[0].text, range));
      cited.push_back(citation.text);
    }
    return cited;
  }

  std::string best_;  // comes first, whatever its weight
  std::vector<Passage> passages_;
  Answer answer_;
  std::string text_;
};

TEST_F(QuoteTest, TakesInASecondSentenceOfNearlyTheSameWeight) {
  Quote("The sky is blue. Grass is green. Snow is white.");
  EXPECT_EQ(text_, "The sky is blue. Grass is green.");
  EXPECT_THAT(Cited(), ElementsAre("The sky is blue.", "Grass is green."));
}

TEST_F(QuoteTest, TakesInTheListThatASentenceAnnounces) {
  Quote(
      "There are three modes:\n\n1. Slow. It writes twice.\n2. Fast.\n3. Off.\n\nGrass is green.");
  EXPECT_EQ(text_, "There are three modes: Slow. Fast. Off.");
  EXPECT_THAT(Cited(), ElementsAre("There are three modes:", "Slow.", "Fast.", "Off."));
}

TEST_F(QuoteTest, AShortItemThatDoesNotFitIsQuotedAlone) {
  best_ = "- Off.";
  Quote("There are three modes:\n\n- Slow.\n- Fast.\n- Off.\n", 7);
  EXPECT_EQ(text_, "There are three modes: Slow. Fast. Off.");
  Quote("There are three modes:\n\n- Slow.\n- Fast.\n- Off.\n", 6);
  EXPECT_EQ(text_.substr(0, 6), "- Off.");
}

TEST_F(QuoteTest, LeavesOutItemsThatDoNotFit) {
  Quote("There are three modes:\n\n- Slow and safe.\n- Fast.\n", 6);
  EXPECT_EQ(text_, "There are three modes:");
  Quote("There are three modes:\n\n- Slow.\n- Fast and loose.\n", 6);
  EXPECT_EQ(text_, "There are three modes: Slow.");
  EXPECT_THAT(Cited(), ElementsAre("There are three modes:", "Slow."));
}

}  // namespace
}  // namespace fovea
